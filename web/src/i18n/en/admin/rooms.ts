import { plural } from '../../plural'

const p = plural('en')
export const rooms = {
  title: 'All instances',
  sub: 'Everybody’s rooms, on all clusters',
  search: 'Name, address, project, node or VMID',
  where: 'Where',
  filters: {
    running: 'Running',
    stopped: 'Stopped',
    trouble: 'In trouble',
    drift: 'Changed in Proxmox',
    trashed: 'In the trash',
  },
  driftNotice: (n: number) =>
    p(n, {
      one: `${n} guest is not as the house holds it.`,
      other: `${n} guests are not as the house holds them.`,
    }),
  driftShow: 'See what to do',
  driftNone: 'Every guest is as the house holds it',
  open: 'Open it',
  held: 'Held:',
  found: 'found:',
  kinds: {
    changed: 'Changed',
    moved: 'It is on another node',
    vanished: 'It has vanished',
    foreign_lock: 'Somebody else has locked it',
    mark_missing: 'Our mark is gone',
    anothers_mark: 'It carries the mark of another house',
  },
  parts: {
    name: 'name',
    node: 'node',
    lock: 'lock',
    cores: 'cores',
    memory_mib: 'memory (MiB)',
    disk_gib: 'disk (GiB)',
    tags: 'tags',
  },
  todo: {
    changed: 'Take it, or bring back what is held.',
    moved: 'It is followed. Take its new node, or move it back in Proxmox.',
    vanished: 'Restore it from a backup under the same number, or delete the instance.',
    foreign_lock: 'See in Proxmox what holds the lock; if nothing does any more, unlock it there.',
    mark_missing: 'If it is the same guest, bring it back: the mark is written again.',
    anothers_mark: 'It is never touched. See whose it is in Proxmox, or delete the instance.',
  },
  todoDisk: 'Take it. A disk that has grown cannot be made smaller; one that is too small is grown.',
  acceptTitle: (name: string) => `Take what was found of ${name}?`,
  acceptBody: 'What Proxmox has is what is wanted from now on. Where the size differs, so does the price, from now on.',
  cheaper: 'It may cost less than before',
  accepted: 'What was found is held now',
  restoreTitle: (name: string) => `Bring ${name} back to what is held?`,
  restoreBody:
    'Name, tags, network and mark are written back at once; cores, memory and disk by an operation. A disk that has grown stays as it is.',
  restored: 'It is brought back',
  left: (what: string) => `This could not be brought back: ${what}`,
}
