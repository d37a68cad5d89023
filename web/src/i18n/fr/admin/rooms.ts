import type { Messages } from '../../en'
import { plural } from '../../plural'

const p = plural('fr')
export const rooms: Messages['admin']['rooms'] = {
  title: 'Toutes les instances',
  sub: 'Les chambres de chacun, sur toutes les grappes',
  search: 'Nom, adresse, projet, nœud ou VMID',
  where: 'Où',
  filters: {
    running: 'En marche',
    stopped: 'Arrêtées',
    trouble: 'En difficulté',
    drift: 'Changées',
    trashed: 'Corbeille',
  },
  driftNotice: (n) =>
    p(n, {
      one: `${n} invité n’est pas tel que la maison le connaît.`,
      other: `${n} invités ne sont pas tels que la maison les connaît.`,
    }),
  driftShow: 'Voir que faire',
  driftNone: 'Chaque invité est tel que la maison le connaît',
  open: 'L’ouvrir',
  held: 'Connu :',
  found: 'trouvé :',
  kinds: {
    changed: 'Changé',
    moved: 'Il est sur un autre nœud',
    vanished: 'Il a disparu',
    foreign_lock: 'Quelqu’un d’autre l’a verrouillé',
    mark_missing: 'Notre marque a disparu',
    anothers_mark: 'Il porte la marque d’une autre maison',
  },
  parts: {
    name: 'nom',
    node: 'nœud',
    lock: 'verrou',
    cores: 'cœurs',
    memory_mib: 'mémoire (Mio)',
    disk_gib: 'disque (Gio)',
    tags: 'étiquettes',
  },
  todo: {
    changed: 'Adoptez-le, ou rétablissez ce qui est connu.',
    moved: 'Il est suivi. Adoptez son nouveau nœud, ou redéplacez-le dans Proxmox.',
    vanished: 'Restaurez-le d’une sauvegarde sous le même numéro, ou supprimez l’instance.',
    foreign_lock: 'Voyez dans Proxmox ce qui tient le verrou ; si plus rien ne le tient, déverrouillez-le là-bas.',
    mark_missing: 'Si c’est bien le même invité, rétablissez-le : la marque est réécrite.',
    anothers_mark: 'Nous n’y touchons jamais. Voyez dans Proxmox à qui il est, ou supprimez l’instance.',
  },
  todoDisk: 'Adoptez-le. Un disque agrandi ne peut être réduit ; un disque trop petit est agrandi.',
  acceptTitle: (name) => `Adopter l’état trouvé de ${name} ?`,
  acceptBody: 'Ce que dit Proxmox devient la référence. Si la taille diffère, le prix aussi, à partir de maintenant.',
  cheaper: 'Elle peut coûter moins qu’avant',
  accepted: 'L’état trouvé est désormais la référence',
  restoreTitle: (name) => `Rétablir ${name} ?`,
  restoreBody:
    'Nom, étiquettes, réseau et marque sont réécrits aussitôt ; cœurs, mémoire et disque par une opération. Un disque agrandi reste tel quel.',
  restored: 'Rétablissement en cours',
  left: (what) => `Ceci n’a pas pu être rétabli : ${what}`,
}
