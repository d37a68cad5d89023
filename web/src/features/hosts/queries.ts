import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import type { Ability, Host, HostState } from '~/api'
import { listHosts } from '~/api/gen/sdk.gen'
import { wholeList } from '~/api/pages'

/** Events tell what happens; this is for what no event tells, like a look that found nothing new. */
const AGAIN_MS = 30_000

/** All hosts that one may see, by name. */
export const allHosts = () => ({
  ...wholeList<Host>('listHosts', undefined, (asked, signal) => listHosts({ query: asked, signal })),
  refetchInterval: AGAIN_MS,
})

export function useHostNames() {
  const { data } = useQuery(allHosts())
  return useMemo(() => new Map(data?.map((one) => [one.id, one.name])), [data])
}

/** What the house says about whether something can be done with a host now. */
export const canOf = (host: Host, ability: Ability) => host.can.find((one) => one.ability === ability)

/** Whether one may do something with a host at all, whatever stands in the way at the moment. */
export const mayOf = (host: Host, ability: Ability) => canOf(host, ability)?.code !== 'forbidden'

const goingUp: HostState[] = ['waking', 'booting']
const goingDown: HostState[] = ['idle', 'draining', 'shutting_down']
export const isGoingUp = (state: HostState) => goingUp.includes(state)
export const isGoingDown = (state: HostState) => goingDown.includes(state)

/** What keeps a host awake: what needs it, and what cannot be read. */
export const needsOf = (host: Host) => host.signals.filter((signal) => signal.reading !== 'quiet')
