import { Select, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useQuery } from '@tanstack/react-query'
import type { Instance } from '~/api'
import { rebuildInstance } from '~/api/gen/sdk.gen'
import { DialogForm } from '~/components/DialogForm'
import { useT } from '~/i18n'
import { atField } from '~/lib/problems'
import { settle } from '../actions'
import { allTemplates } from '../queries'

export function RebuildDialog({ instance, onDone }: { instance: Instance; onDone: () => void }) {
  const t = useT()
  const { data: templates } = useQuery(allTemplates())
  const form = useForm({
    initialValues: { template_id: instance.template_id ?? null, confirm: '' },
    validate: { confirm: (typed) => (typed.trim() === instance.name ? null : t.common.nameDiffers) },
  })
  const { template_id } = form.values
  const body = { confirm: instance.name, ...(template_id ? { template_id } : {}) }
  return (
    <DialogForm
      about={t.instances.rebuildBody}
      label={t.instances.do.rebuild}
      danger
      onCancel={onDone}
      hints={[
        {
          cli: `innkeeper instance rebuild ${instance.name}${template_id ? ` --template ${template_id}` : ''}`,
          path: `/api/v1/instances/${instance.id}/rebuild`,
          body,
        },
      ]}
      onRefused={(error, text) => atField(form, error, text)}
      submit={() =>
        !form.validate().hasErrors &&
        rebuildInstance({ path: { id: instance.id }, body }).then(({ data }) => {
          settle(data, instance.id)
          onDone()
        })
      }
    >
      <Select
        label={t.instances.template}
        allowDeselect={false}
        data={
          templates
            ?.filter((one) => one.kind === instance.kind && one.offered)
            .map((one) => ({ value: one.id, label: one.name })) ?? []
        }
        {...form.getInputProps('template_id')}
      />
      <TextInput
        label={t.common.typeName(instance.name)}
        autoComplete="off"
        autoCapitalize="none"
        {...form.getInputProps('confirm')}
      />
    </DialogForm>
  )
}
