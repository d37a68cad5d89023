import { notifications } from '@mantine/notifications'
import { type UseMutationResult, useMutation } from '@tanstack/react-query'
import { refetch } from '~/api'
import { useT } from '~/i18n'
import { useProblemText } from './problems'

type Act<V, R> = (given: V) => Promise<{ data: R }>
type More<V, R> = {
  /** Said when it is done. */
  done?: string | ((answer: R, given: V) => string | undefined)
  /** The operations whose answers are no longer true. */
  stale?: string[]
  onDone?: (answer: R, given: V) => void
  /** Whether what goes wrong is shown where it was asked; else it is told in a corner. */
  quiet?: boolean
}

/** Does something that changes the house, and tells how it went. */
export function useAct<V, R>(act: Act<V, R>, more: More<V, R> = {}): UseMutationResult<R, unknown, V> {
  const t = useT()
  const text = useProblemText()
  return useMutation({
    mutationFn: async (given: V) => (await act(given)).data,
    onSuccess: (answer, given) => {
      const said = typeof more.done === 'function' ? more.done(answer, given) : more.done
      if (said) notifications.show({ color: 'teal', message: said })
      if (more.stale) void refetch(...more.stale)
      more.onDone?.(answer, given)
    },
    onError: (error) => {
      if (!more.quiet)
        notifications.show({ color: 'red', title: t.common.refused, message: text(error), autoClose: 8000 })
    },
  })
}
