import { IconLayoutDashboard, IconServerBolt, IconUsers } from '@tabler/icons-react'
import type { Messages } from '~/i18n/en'
import type { NavGroup } from './nav'

/** The pages of those who look after the house: one line for each page below `routes/_app/admin/`. */
export const adminNav = (t: Messages): NavGroup[] => [
  {
    heading: t.shell.admin,
    items: [
      { link: { to: '/admin' }, under: '/admin', label: t.shell.overview, icon: IconLayoutDashboard },
      { link: { to: '/admin/users' }, under: '/admin/users', label: t.admin.users.title, icon: IconUsers },
      {
        link: { to: '/admin/clusters' },
        under: '/admin/clusters',
        label: t.admin.clusters.title,
        icon: IconServerBolt,
      },
    ],
  },
]
