import { Checkbox, Textarea, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import type { Instance } from '~/api'
import { createSnapshot } from '~/api/gen/sdk.gen'
import { DialogForm } from '~/components/DialogForm'
import { useT } from '~/i18n'
import { atField } from '~/lib/problems'
import { settle } from '../actions'

export function SnapshotDialog({ instance, onDone }: { instance: Instance; onDone: () => void }) {
  const t = useT()
  const form = useForm({ initialValues: { name: '', description: '', memory: false } })
  const { name, description, memory } = form.values
  const body = { ...(name.trim() ? { name: name.trim() } : {}), description, memory }
  return (
    <DialogForm
      label={t.instances.do.snapshot}
      onCancel={onDone}
      hints={[
        {
          cli: `innkeeper snapshot make ${instance.name}${name ? ` --name ${name}` : ''}`,
          path: `/api/v1/instances/${instance.id}/snapshots`,
          body,
        },
      ]}
      onRefused={(error, text) => atField(form, error, text)}
      submit={async () => {
        const { data } = await createSnapshot({ path: { id: instance.id }, body })
        settle(data, instance.id)
        onDone()
      }}
    >
      <TextInput
        data-autofocus
        label={t.instances.snapshots.name}
        description={t.instances.snapshots.nameHint}
        {...form.getInputProps('name')}
      />
      <Textarea label={t.instances.snapshots.description} autosize minRows={2} {...form.getInputProps('description')} />
      {instance.kind === 'qemu' && (
        <Checkbox label={t.instances.snapshots.memory} {...form.getInputProps('memory', { type: 'checkbox' })} />
      )}
    </DialogForm>
  )
}
