import { Radio, Stack, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { notifications } from '@mantine/notifications'
import { useState } from 'react'
import { type Membership, refetch } from '~/api'
import { invite } from '~/api/gen/sdk.gen'
import { DialogForm } from '~/components/DialogForm'
import { SecretOnce } from '~/components/SecretOnce'
import { useT } from '~/i18n'
import { atField } from '~/lib/problems'

export const memberships: Membership[] = ['viewer', 'member', 'owner']

export function InviteDialog({ projectId, onDone }: { projectId: string; onDone: () => void }) {
  const t = useT()
  const [token, setToken] = useState<string>()
  const form = useForm({ initialValues: { email: '', membership: 'member' as Membership } })
  const body = { email: form.values.email.trim(), membership: form.values.membership }
  if (token)
    return (
      <DialogForm label={t.common.savedIt} submit={async () => onDone()}>
        <SecretOnce secret={`${location.origin}/invitations#token=${token}`} about={t.projects.inviteTokenAbout} />
      </DialogForm>
    )
  return (
    <DialogForm
      label={t.projects.invite}
      onCancel={onDone}
      hints={[
        {
          cli: `innkeeper project invite ${projectId} ${body.email || 'ada@example.org'} --as ${body.membership}`,
          path: `/api/v1/projects/${projectId}/invitations`,
          body,
        },
      ]}
      onRefused={(error, text) => atField(form, error, text)}
      submit={async () => {
        const { data } = await invite({ path: { id: projectId }, body })
        void refetch('listInvitations')
        notifications.show({ color: 'teal', message: t.projects.invited(body.email) })
        if (data.token) setToken(data.token)
        else onDone()
      }}
    >
      <TextInput data-autofocus type="email" label={t.projects.email} {...form.getInputProps('email')} />
      <Radio.Group label={t.projects.membership} {...form.getInputProps('membership')}>
        <Stack gap="xs" mt={6}>
          {memberships.map((one) => (
            <Radio
              key={one}
              value={one}
              label={t.projects.memberships[one]}
              description={t.projects.membershipHints[one]}
            />
          ))}
        </Stack>
      </Radio.Group>
    </DialogForm>
  )
}
