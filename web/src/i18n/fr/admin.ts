import type { Messages } from '../en'
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

export const admin: Messages['admin'] = {
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
  building: 'Bâtiment',
  till: 'Caisse',
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
    attention: 'À surveiller',
    calm: 'Rien à surveiller.',
    look: 'Voir',
    broken: (n) => (n === 1 ? 'Une instance est en difficulté.' : `${n} instances sont en difficulté.`),
    failed: (n) => (n === 1 ? 'Une opération a échoué depuis hier.' : `${n} opérations ont échoué depuis hier.`),
    disputed: (n) => (n === 1 ? 'Un paiement est contesté.' : `${n} paiements sont contestés.`),
    lately: 'Dernièrement',
  },
}
