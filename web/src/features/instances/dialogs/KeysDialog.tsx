import { Textarea, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { notifications } from '@mantine/notifications'
import type { Instance } from '~/api'
import { setSshKeys } from '~/api/gen/sdk.gen'
import { freshInstance } from '~/app/live'
import { DialogForm } from '~/components/DialogForm'
import { useT } from '~/i18n'
import { atField } from '~/lib/problems'
import { lines } from '~/lib/words'

export function KeysDialog({ instance, onDone }: { instance: Instance; onDone: () => void }) {
  const t = useT()
  const form = useForm({ initialValues: { ssh_keys: instance.ssh_keys.join('\n'), user: 'root' } })
  const body = { ssh_keys: lines(form.values.ssh_keys), user: form.values.user || 'root' }
  return (
    <DialogForm
      label={t.instances.do.keys}
      onCancel={onDone}
      hints={[
        {
          cli: `innkeeper instance keys ${instance.name} ~/.ssh/id_ed25519.pub --user ${body.user}`,
          method: 'PUT',
          path: `/api/v1/instances/${instance.id}/ssh-keys`,
          body,
        },
      ]}
      onRefused={(error, text) => atField(form, error, text)}
      submit={async () => {
        await setSshKeys({ path: { id: instance.id }, body })
        notifications.show({ color: 'teal', message: t.instances.keysSet })
        void freshInstance(instance.id)
        onDone()
      }}
    >
      <Textarea
        data-autofocus
        label={t.create.keys}
        description={t.instances.keysHint}
        autosize
        minRows={3}
        maxRows={10}
        className="mono"
        {...form.getInputProps('ssh_keys')}
      />
      <TextInput label={t.instances.passwordUser} {...form.getInputProps('user')} />
    </DialogForm>
  )
}
