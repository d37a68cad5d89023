import { useDebouncedCallback } from '@mantine/hooks'
import { type ChangeEvent, useEffect, useRef, useState } from 'react'

/**
 * A field whose text is looked for a moment after it was typed, and stands in the address then. What is cleared elsewhere
 * is cleared here as well; the field itself stays, so that nobody is interrupted while typing.
 */
export function useTyped(value: string | undefined, onChange: (text: string | undefined) => void, delay = 200) {
  const [text, setText] = useState(value ?? '')
  const asked = useRef(value)
  const soon = useDebouncedCallback((typed: string) => {
    asked.current = typed.trim() || undefined
    onChange(asked.current)
  }, delay)
  useEffect(() => {
    if (value === asked.current) return
    asked.current = value
    setText(value ?? '')
  }, [value])
  return {
    value: text,
    onChange: ({ currentTarget }: ChangeEvent<HTMLInputElement>) => {
      setText(currentTarget.value)
      soon(currentTarget.value)
    },
  }
}
