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
  '/account',
  '/account/security',
]

/** For those who look after the house. */
export const admin = ['/admin']

/** An address with the id of a thing of the kind that its first word names. */
export const withId = (path, ids) => path.replace('$id', ids[path.split('/')[1]] ?? '')

/** A name for a picture of a page. */
export const nameOf = (path) => path.replace('/$id', '-one').replaceAll('/', '-').replace(/^-/, '') || 'dashboard'
