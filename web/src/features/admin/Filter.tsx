import { SegmentedControl, TextInput } from '@mantine/core'
import { IconSearch } from '@tabler/icons-react'
import { useT } from '~/i18n'
import { useTyped } from '~/lib/typed'

/** Looks for what is typed, a moment after it was. */
export function SearchField({
  label,
  value,
  onChange,
}: {
  label: string
  value: string | undefined
  onChange: (text: string | undefined) => void
}) {
  const typed = useTyped(value, onChange)
  return (
    <TextInput
      type="search"
      flex="1 1 220px"
      maw={{ base: '100%', sm: 320 }}
      {...typed}
      leftSection={<IconSearch size={16} aria-hidden />}
      placeholder={label}
      aria-label={label}
    />
  )
}

/** One of a few, or all of them. */
export function OneOf<V extends string>({
  label,
  value,
  names,
  onChange,
}: {
  label: string
  value: V | undefined
  names: Record<V, string>
  onChange: (value: V | undefined) => void
}) {
  const t = useT()
  return (
    <SegmentedControl
      className="scrolls"
      aria-label={label}
      value={value ?? 'all'}
      onChange={(next) => onChange(next === 'all' ? undefined : (next as V))}
      data={[
        { value: 'all', label: t.common.all },
        ...Object.entries<string>(names).map(([value, label]) => ({ value, label })),
      ]}
    />
  )
}
