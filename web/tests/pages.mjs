// Every page there is, by the address in the route tree. The pictures, the tests of every page and the coverage all use
// this list: a page that is not here is reported by `npm run coverage`.

/** For those who are not in yet. */
export const doors = ['/sign-in', '/register', '/recover', '/verify-email', '/setup']

/** For those who are signed in. */
export const inside = [
  '/',
  '/instances',
  '/instances-new',
  '/instances/$id',
  '/instances/$id/metrics',
  '/instances/$id/console',
  '/instances/$id/commands',
  '/instances/$id/snapshots',
  '/instances/$id/backups',
  '/instances/$id/network',
  '/instances/$id/settings',
  '/instances/$id/cost',
  '/instances/$id/activity',
  '/hosts',
  '/hosts/$id',
  '/hosts/$id/history',
  '/services',
  '/services/$id',
  '/backups',
  '/templates',
  '/activity',
  '/projects',
  '/projects/$id',
  '/projects/$id/credits',
  '/projects/$id/credits/spending',
  '/projects/$id/credits/top-up',
  '/projects/$id/credits/invoices',
  '/projects/$id/credits/export',
  '/wallet',
  '/leases',
  '/leases-new',
  '/leases/$id',
  '/invitations',
  '/keys',
  '/webhooks',
  '/webhooks/$id',
  '/account',
  '/account/notifications',
  '/account/security',
  '/discord/link',
]

/** For those who look after the house. */
export const admin = [
  '/admin',
  '/admin/users',
  '/admin/users/$id',
  '/admin/invitations',
  '/admin/announcements',
  '/admin/instances',
  '/admin/operations',
  '/admin/audit',
  '/admin/clusters',
  '/admin/clusters-new',
  '/admin/clusters-placement',
  '/admin/clusters/$id',
  '/admin/clusters/$id/nodes/$name',
  '/admin/clusters/$id/guests',
  '/admin/clusters/$id/adoptions',
  '/admin/clusters/$id/drains',
  '/admin/clusters/$id/settings',
  '/admin/hosts',
  '/admin/hosts-new',
  '/admin/hosts/$id',
  '/admin/services',
  '/admin/services-new',
  '/admin/services/$id',
  '/admin/networks',
  '/admin/networks/$id',
  '/admin/catalogue',
  '/admin/catalogue/plans',
  '/admin/catalogue/prices',
  '/admin/isos',
  '/admin/discord',
  '/admin/discord/texts',
  '/admin/settings',
  '/admin/finance',
  '/admin/payments',
  '/admin/invoices',
  '/admin/leases',
  '/admin/leases/orders',
  '/admin/leases/terms',
  '/admin/vouchers',
]

/** An address with the id of a thing of the kind that is named before it. */
export const withId = (path, ids) =>
  path.replace('$id', ids[path.split('/$id')[0].split('/').at(-1)] ?? '').replace('$name', ids.nodes ?? '')

/** One of each of what only those have pages of who look after the house, asked with a Playwright request of theirs. */
export async function adminIds(request) {
  const list = async (path) => (await (await request.get(`/api/v1/${path}`)).json()).items ?? []
  const [user] = await list('users?role=user&limit=1')
  const clusters = await list('clusters')
  const cluster = clusters.find((one) => one.name === 'lodge') ?? clusters[0]
  const [network] = await list('networks?limit=1')
  const [node] = await list(`clusters/${cluster.id}/nodes`)
  return {
    users: user?.id,
    clusters: cluster.id,
    networks: network?.id ?? 'net_none',
    nodes: node.name,
    ...(await guardedIds(request)),
  }
}

/** A host and a service, as far as whoever asks may see one. */
export async function guardedIds(request) {
  const first = async (path) => (await (await request.get(`/api/v1/${path}?limit=1`)).json()).items?.[0]?.id
  return { hosts: (await first('hosts')) ?? 'hst_none', services: (await first('services')) ?? 'svc_none' }
}

/** A name for a picture of a page. */
export const nameOf = (path) =>
  path
    .replaceAll(/\/\$\w+/g, '-one')
    .replaceAll('/', '-')
    .replace(/^-/, '') || 'dashboard'
