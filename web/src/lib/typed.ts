import { useDebouncedCallback } from '@mantine/hooks'
import { useEffect, useRef, useState } from 'react'

/** A text that a page keeps in its address: shown as it is typed, told a moment later, and changed from outside. */
export function useTyped(value: string | undefined, onChange: (text: string | undefined) => void, wait = 200) {
  const [text, setText] = useState(value ?? '')
  const told = useRef(value)
  const soon = useDebouncedCallback((typed: string) => {
    told.current = typed.trim() || undefined
    onChange(told.current)
  }, wait)
  // Somebody went back, or cleared the filters.
  useEffect(() => {
    if (value === told.current) return
    told.current = value
    setText(value ?? '')
  }, [value])
  const type = (typed: string) => {
    setText(typed)
    soon(typed)
  }
  return [text, type] as const
}
