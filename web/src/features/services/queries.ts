import { useQuery } from '@tanstack/react-query'
import type { Host, Place, Service, ServiceKind } from '~/api'
import { listServices } from '~/api/gen/sdk.gen'
import { wholeList } from '~/api/pages'
import { allInstances } from '~/features/instances/queries'

/** Events tell what happens; this is for what no event tells. */
const AGAIN_MS = 30_000

/** All services that one may see, by name. */
export const allServices = () => ({
  ...wholeList<Service>('listServices', undefined, (asked, signal) => listServices({ query: asked, signal })),
  refetchInterval: AGAIN_MS,
})

/** Whether a service says how many are there. */
export const countsPlayers = (kind: ServiceKind) => kind === 'minecraft_java' || kind === 'minecraft_bedrock'

/** The host that a service names as its place; those on instances name none. */
export function hostOf(at: Place | undefined) {
  if (!at) return undefined
  if ('host' in at) return at.host
  return 'guest' in at ? at.guest.host : undefined
}

export const instanceOf = (at: Place | undefined) => (at && 'instance' in at ? at.instance : undefined)

/** Which services are on a host, itself, by a guest or by an instance, as far as one is told where they run. */
export function useServicesOn() {
  const { data: services } = useQuery(allServices())
  const { data: instances } = useQuery(allInstances())
  return (host: Host) =>
    services?.filter(({ staff }) => {
      if (!staff) return false
      const placed = instances?.find((one) => one.id === instanceOf(staff.at))?.placement
      return placed ? placed.cluster_id === host.cluster_id && placed.node === host.node : hostOf(staff.at) === host.id
    }) ?? []
}
