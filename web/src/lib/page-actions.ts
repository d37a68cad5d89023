import { useEffect, useSyncExternalStore } from 'react'

/** What can be done on the page that is shown, for the command palette. */
export type PageAction = { id: string; label: string; description?: string; run: () => void }

let actions: PageAction[] = []
const watchers = new Set<() => void>()
const set = (now: PageAction[]) => {
  actions = now
  for (const watcher of watchers) watcher()
}

/** Offers actions while a page is shown. Give the same array until something about them changes. */
export function usePageActions(own: PageAction[]) {
  useEffect(() => {
    set([...actions, ...own])
    return () => set(actions.filter((one) => !own.includes(one)))
  }, [own])
}

/**
 * What the buttons at the head of the page and of its parts do, so that everything that can be done here can be typed.
 * Those that open a menu offer nothing by themselves, and those that cannot be used say why where they stand.
 */
export function offeredByButtons(): PageAction[] {
  const found = document.querySelectorAll<HTMLElement>('#content .page-actions :is(button, a)')
  const seen = new Set<string>()
  return [...found].flatMap((one) => {
    const label = (one.getAttribute('aria-label') ?? one.innerText).trim()
    const able = !one.matches(':disabled, [aria-disabled=true], [aria-haspopup], [role=radio]')
    if (!able || !label || seen.has(label) || one.offsetParent === null) return []
    seen.add(label)
    return [{ id: `button-${label}`, label, run: () => one.click() }]
  })
}

export const useOfferedActions = () =>
  useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher)
      return () => watchers.delete(watcher)
    },
    () => actions,
  )
