import { Select, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import type { BackupMode, Instance } from '~/api'
import { makeBackup } from '~/api/gen/sdk.gen'
import { DialogForm } from '~/components/DialogForm'
import { settle } from '~/features/instances/actions'
import { useT } from '~/i18n'
import { atField } from '~/lib/problems'

export function MakeDialog({ instance, onDone }: { instance: Instance; onDone: () => void }) {
  const t = useT()
  const words = t.instances.backups
  const form = useForm({ initialValues: { note: '', mode: null as BackupMode | null } })
  const { note, mode } = form.values
  const body = { ...(note ? { note } : {}), ...(mode ? { mode } : {}) }
  return (
    <DialogForm
      label={words.make}
      onCancel={onDone}
      hints={[
        { cli: `innkeeper backup make ${instance.name}`, path: `/api/v1/instances/${instance.id}/backups`, body },
      ]}
      onRefused={(error, text) => atField(form, error, text)}
      submit={async () => {
        settle((await makeBackup({ path: { id: instance.id }, body })).data, instance.id)
        onDone()
      }}
    >
      <TextInput data-autofocus label={words.note} {...form.getInputProps('note')} />
      <Select
        label={words.mode}
        placeholder={words.defaultMode}
        clearable
        data={(['snapshot', 'suspend', 'stop'] as const).map((one) => ({ value: one, label: words.modes[one] }))}
        {...form.getInputProps('mode')}
      />
    </DialogForm>
  )
}
