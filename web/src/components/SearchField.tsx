import { TextInput } from '@mantine/core'
import { useDebouncedCallback } from '@mantine/hooks'
import { IconSearch } from '@tabler/icons-react'
import { useEffect, useRef, useState } from 'react'

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
  const [text, setText] = useState(value ?? '')
  const told = useRef(value)
  const soon = useDebouncedCallback((typed: string) => {
    told.current = typed.trim() || undefined
    onChange(told.current)
  }, 200)
  // Somebody went back, or cleared the filters.
  useEffect(() => {
    if (value === told.current) return
    told.current = value
    setText(value ?? '')
  }, [value])
  return (
    <TextInput
      type="search"
      flex="1 1 220px"
      maw={{ base: '100%', sm: 320 }}
      value={text}
      onChange={(event) => {
        setText(event.currentTarget.value)
        soon(event.currentTarget.value)
      }}
      leftSection={<IconSearch size={16} aria-hidden />}
      placeholder={label}
      aria-label={label}
    />
  )
}
