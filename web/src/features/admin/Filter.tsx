import { SegmentedControl } from '@mantine/core'
import { useT } from '~/i18n'

export { SearchField } from '~/components/SearchField'

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
