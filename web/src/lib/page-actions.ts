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

export const useOfferedActions = () =>
  useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher)
      return () => watchers.delete(watcher)
    },
    () => actions,
  )
