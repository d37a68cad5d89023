import { useCallback } from 'react'
import { useT } from '~/i18n'

/** What an action of the audit log means, in the language in use. */
export function useActionName() {
  const t = useT()
  return useCallback(
    (action: string): string => {
      const [noun, verb = ''] = action.split('.')
      const known: Record<string, string> = t.actions
      const verbs: Record<string, string> = t.operations.verbs
      const causes: Record<string, string> = t.credits.causes
      return (
        known[action] ?? (noun === 'instance' ? verbs[verb] : noun === 'credits' ? causes[verb] : undefined) ?? action
      )
    },
    [t],
  )
}
