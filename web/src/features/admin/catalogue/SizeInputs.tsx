import { NumberInput, SimpleGrid } from '@mantine/core'
import type { Size } from '~/api'
import { useT } from '~/i18n'

/** Three numbers that make a size. */
export function SizeInputs({
  legend,
  value,
  onChange,
  error,
}: {
  legend: string
  value: Size
  onChange: (size: Size) => void
  error?: string
}) {
  const t = useT()
  const fields = [
    ['cores', t.create.cores, 1],
    ['memory_mib', t.create.memory, 256],
    ['disk_gib', t.create.disk, 1],
  ] as const
  return (
    <fieldset style={{ border: 0, margin: 0, padding: 0 }}>
      <legend style={{ padding: 0, fontSize: 'var(--mantine-font-size-sm)', fontWeight: 600, marginBottom: 4 }}>
        {legend}
      </legend>
      <SimpleGrid cols={3} spacing="xs">
        {fields.map(([field, label, step]) => (
          <NumberInput
            key={field}
            label={label}
            size="xs"
            min={1}
            step={step}
            allowDecimal={false}
            value={value[field]}
            error={field === 'cores' ? error : undefined}
            onChange={(n) => typeof n === 'number' && onChange({ ...value, [field]: n })}
          />
        ))}
      </SimpleGrid>
    </fieldset>
  )
}

/** A size as the command line takes it. */
export const sizeArgument = (size: Size) => `${size.cores},${size.memory_mib},${size.disk_gib}`
