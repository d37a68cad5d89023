import { catalogue } from './admin/catalogue'
import { clusters, placement } from './admin/clusters'
import { finance, log } from './admin/finance'
import { gifts, house, queue } from './admin/gifts'
import { hosts } from './admin/hosts'
import { rooms } from './admin/rooms'
import { sales } from './admin/sales'
import { services } from './admin/services'
import { stores } from './admin/stores'
import { users } from './admin/users'

export const admin = {
  catalogue,
  clusters,
  finance,
  gifts,
  hosts,
  house,
  log,
  placement,
  queue,
  rooms,
  sales,
  services,
  stores,
  users,
  building: 'Building',
  till: 'Till',
  reason: 'Reason',
  adminsOnly: 'Only administrators may do this',
  overview: {
    title: 'The house',
    sub: 'How it is, at a glance',
    clusters: 'Clusters',
    clustersNone: 'No cluster yet: nothing can be made.',
    instances: 'Instances',
    outstanding: 'Credits outstanding',
    owed: 'Owed to the house',
    revenue: 'Earned in 30 days',
    health: {
      unknown: 'Not seen yet',
      healthy: 'Well',
      degraded: 'Something is wrong',
      unreachable: 'Unreachable',
      refused: 'Refuses our token',
    },
    seen: 'Seen',
    operations: 'Under way',
    attention: 'What needs attention',
    calm: 'Nothing needs attention.',
    look: 'Look',
    broken: (n: number) => (n === 1 ? 'One instance is in trouble.' : `${n} instances are in trouble.`),
    failed: (n: number) =>
      n === 1 ? 'One operation has failed since yesterday.' : `${n} operations have failed since yesterday.`,
    disputed: (n: number) => (n === 1 ? 'One payment is disputed.' : `${n} payments are disputed.`),
    lately: 'Lately',
  },
}
