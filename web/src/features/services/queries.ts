import type { Place, Service } from '~/api'
import { listServices } from '~/api/gen/sdk.gen'
import { wholeList } from '~/api/pages'

/** Events tell what happens; this is for what no event tells. */
const AGAIN_MS = 30_000

/** All services that one may see, by name. */
export const allServices = () => ({
  ...wholeList<Service>('listServices', undefined, (asked, signal) => listServices({ query: asked, signal })),
  refetchInterval: AGAIN_MS,
})

/** The host that a service names as its place; those on instances name none. */
export function hostOf(at: Place | undefined) {
  if (!at) return undefined
  if ('host' in at) return at.host
  return 'guest' in at ? at.guest.host : undefined
}

export const instanceOf = (at: Place | undefined) => (at && 'instance' in at ? at.instance : undefined)
