import type { Messages } from '../en'
import { clusters, placement } from './admin/clusters'
import { users } from './admin/users'

export const admin: Messages['admin'] = {
  clusters,
  placement,
  users,
  reason: 'Raison',
  adminsOnly: 'Réservé aux administrateurs',
  overview: {
    title: 'La maison',
    sub: 'Son état, d’un coup d’œil',
    clusters: 'Grappes',
    clustersNone: 'Pas encore de grappe : rien ne peut être créé.',
    instances: 'Instances',
    outstanding: 'Crédits en circulation',
    owed: 'Dû à la maison',
    revenue: 'Gagné en 30 jours',
    health: {
      unknown: 'Pas encore vue',
      healthy: 'En forme',
      degraded: 'Quelque chose ne va pas',
      unreachable: 'Injoignable',
      refused: 'Refuse notre jeton',
    },
    seen: 'Vue',
    operations: 'En cours',
  },
}
