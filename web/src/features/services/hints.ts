import type { Service } from '~/api'
import type { Hint } from '~/components/CommandHints'

/** The commands for what can be done with a service. */
export function serviceHints({ id, name }: Pick<Service, 'id' | 'name'>) {
  const path = `/api/v1/services/${id}`
  return {
    show: { cli: `innkeeper service status ${name}`, method: 'GET', path },
    players: { cli: `innkeeper service players ${name}`, method: 'GET', path: `${path}/players` },
    restart: { cli: `innkeeper service restart ${name} --wait`, path: `${path}/restart` },
    restarts: { cli: `innkeeper service restarts ${name}`, method: 'GET', path: `${path}/restarts` },
    remove: { cli: `innkeeper service remove ${name}`, method: 'DELETE', path },
  } satisfies Record<string, Hint>
}
