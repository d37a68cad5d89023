import { PasswordInput, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { notifications } from '@mantine/notifications'
import { useState } from 'react'
import type { Instance } from '~/api'
import { setInstancePassword } from '~/api/gen/sdk.gen'
import { DialogForm } from '~/components/DialogForm'
import { SecretOnce } from '~/components/SecretOnce'
import { useT } from '~/i18n'
import { atField } from '~/lib/problems'

export function PasswordDialog({ instance, onDone }: { instance: Instance; onDone: () => void }) {
  const t = useT()
  const [made, setMade] = useState<{ user: string; password: string }>()
  const form = useForm({ initialValues: { user: 'root', password: '' } })
  const { user, password } = form.values
  if (made)
    return (
      <DialogForm label={t.common.savedIt} submit={async () => onDone()}>
        <SecretOnce secret={made.password} about={`${t.instances.passwordMade(made.user)}. ${t.common.shownOnce}`} />
      </DialogForm>
    )
  return (
    <DialogForm
      label={t.instances.do.password}
      onCancel={onDone}
      hints={[
        {
          cli: `innkeeper instance password ${instance.name} --user ${user || 'root'}${password ? ' --ask' : ''}`,
          path: `/api/v1/instances/${instance.id}/password`,
          body: { user: user || 'root' },
        },
      ]}
      onRefused={(error, text) => atField(form, error, text)}
      submit={async () => {
        const { data } = await setInstancePassword({
          path: { id: instance.id },
          body: { ...(user ? { user } : {}), ...(password ? { password } : {}) },
        })
        if (data.password) return setMade({ user: data.user, password: data.password })
        notifications.show({ color: 'teal', message: t.instances.passwordSet(data.user) })
        onDone()
      }}
    >
      <TextInput
        label={t.instances.passwordUser}
        autoComplete="off"
        autoCapitalize="none"
        {...form.getInputProps('user')}
      />
      <PasswordInput
        label={t.auth.password}
        description={t.instances.passwordHint}
        autoComplete="new-password"
        {...form.getInputProps('password')}
      />
    </DialogForm>
  )
}
