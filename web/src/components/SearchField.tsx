import { TextInput } from '@mantine/core'
import { IconSearch } from '@tabler/icons-react'
import { useTyped } from '~/lib/typed'

/** Looks for what is typed, a moment after it was; what is looked for is kept by the page, in its address. */
export function SearchField({
  label,
  value,
  onChange,
}: {
  label: string
  value: string | undefined
  onChange: (text: string | undefined) => void
}) {
  const [text, type] = useTyped(value, onChange)
  return (
    <TextInput
      type="search"
      flex="1 1 220px"
      maw={{ base: '100%', sm: 320 }}
      value={text}
      onChange={(event) => type(event.currentTarget.value)}
      leftSection={<IconSearch size={16} aria-hidden />}
      placeholder={label}
      aria-label={label}
    />
  )
}
