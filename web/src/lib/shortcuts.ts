import { useEffect } from 'react'

/** Keys, or a key after `g`, as in `g i`. They are not taken from whoever types. */
export function useShortcuts(keys: Record<string, () => void>) {
  useEffect(() => {
    let first = ''
    let over: ReturnType<typeof setTimeout> | undefined
    const press = (event: KeyboardEvent) => {
      const to = event.target as HTMLElement
      if (
        event.ctrlKey ||
        event.metaKey ||
        event.altKey ||
        to.closest('input,textarea,select,[contenteditable],[role=textbox],[role=dialog],.xterm,canvas')
      )
        return
      const typed = first ? `${first} ${event.key}` : event.key
      const act = keys[typed]
      clearTimeout(over)
      first = ''
      if (act) {
        event.preventDefault()
        act()
      } else if (event.key === 'g') {
        first = 'g'
        over = setTimeout(() => {
          first = ''
        }, 1200)
      }
    }
    addEventListener('keydown', press)
    return () => {
      clearTimeout(over)
      removeEventListener('keydown', press)
    }
  }, [keys])
}
