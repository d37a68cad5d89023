import { clusters, placement } from './admin/clusters'
import { users } from './admin/users'

export const admin = {
  clusters,
  placement,
  users,
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
  },
}
