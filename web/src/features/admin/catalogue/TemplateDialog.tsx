import { Checkbox, SegmentedControl, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { type Kind, refetch, type Size } from '~/api'
import { createTemplate } from '~/api/gen/sdk.gen'
import { DialogForm } from '~/components/DialogForm'
import { useT } from '~/i18n'
import { atField } from '~/lib/problems'
import { shellWord } from '~/lib/words'
import { SizeInputs, sizeArgument } from './SizeInputs'

/** Makes a template; where clusters keep it is said afterwards. */
export function TemplateDialog({ onDone }: { onDone: () => void }) {
  const t = useT()
  const words = t.admin.catalogue
  const form = useForm({
    initialValues: {
      name: '',
      kind: 'lxc' as Kind,
      least: { cores: 1, memory_mib: 128, disk_gib: 4 } as Size,
      default_size: { cores: 1, memory_mib: 1024, disk_gib: 10 } as Size,
      most: { cores: 16, memory_mib: 65_536, disk_gib: 500 } as Size,
      reports_address: true,
    },
    validate: { name: (name) => (name.trim() ? null : t.common.required) },
  })
  const { name, kind, least, default_size, most, reports_address } = form.values
  const body = { name: name.trim(), kind, least, default_size, most, reports_address }
  const sizes = [
    ['least', words.least],
    ['default_size', words.usual],
    ['most', words.most],
  ] as const
  return (
    <DialogForm
      about={words.templateAbout}
      label={words.newTemplate}
      onCancel={onDone}
      hints={[
        {
          cli: `innkeeper template add ${shellWord(body.name || 'Debian 12')} --kind ${kind} --least ${sizeArgument(least)} --default ${sizeArgument(default_size)} --most ${sizeArgument(most)} --reports-address ${reports_address}`,
          path: '/api/v1/templates',
          body,
        },
      ]}
      onRefused={(error, text) => atField(form, error, text)}
      submit={() =>
        !form.validate().hasErrors &&
        createTemplate({ body }).then(() => {
          void refetch('listTemplates')
          onDone()
        })
      }
    >
      <TextInput data-autofocus label={t.common.name} placeholder="Debian 12" {...form.getInputProps('name')} />
      <SegmentedControl
        fullWidth
        aria-label={t.instances.kind}
        data={(['lxc', 'qemu'] as const).map((value) => ({ value, label: t.instances.kinds[value] }))}
        value={kind}
        onChange={(next) => form.setValues({ kind: next as Kind, reports_address: next === 'lxc' })}
      />
      {sizes.map(([field, legend]) => (
        <SizeInputs
          key={field}
          legend={legend}
          value={form.values[field]}
          error={form.errors[field] as string | undefined}
          onChange={(size) => form.setFieldValue(field, size)}
        />
      ))}
      <Checkbox
        label={words.reports}
        description={words.reportsHint}
        {...form.getInputProps('reports_address', { type: 'checkbox' })}
      />
    </DialogForm>
  )
}
