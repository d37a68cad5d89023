import { actWith } from '~/api'
import { endImpersonation } from '~/api/gen/sdk.gen'
import { useAct } from '~/lib/act'
import { goAfresh } from './hash'

/**
 * Is oneself again, as somebody who acts for another. Asked as oneself: ending the session with the token would take
 * one's own cookies along.
 */
export function useStopActing() {
  return useAct(
    (id: string) => {
      actWith(undefined)
      return endImpersonation({ path: { id } })
    },
    { onDone: () => goAfresh('/admin/users') },
  )
}
