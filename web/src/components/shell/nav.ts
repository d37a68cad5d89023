import {
  IconActivity,
  IconBell,
  IconCoin,
  IconDeviceGamepad2,
  IconFolders,
  IconHistory,
  IconHome,
  IconKey,
  IconMoon,
  IconServer2,
  IconShieldLock,
  IconTemplate,
  IconTicket,
  IconUserCircle,
  IconWebhook,
  type TablerIcon,
} from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import type { LinkProps } from '@tanstack/react-router'
import { useMemo } from 'react'
import { allHosts } from '~/features/hosts/queries'
import { allServices } from '~/features/services/queries'
import { useT } from '~/i18n'
import { useHere, useIsStaff } from '~/lib/me'
import { adminNav } from './admin-nav'

export type NavItem = {
  link: Pick<LinkProps, 'to' | 'params' | 'search'>
  /** Where one is when this entry is the one. */
  under: string
  label: string
  icon: TablerIcon
  /** The key after `g`. */
  key?: string
}
export type NavGroup = { heading: string; items: NavItem[] }

/** Where one can go. The pages of administrators are listed in `admin-nav.ts`. */
export function useNav(): NavGroup[] {
  const t = useT()
  const staff = useIsStaff()
  const { projectId } = useHere()
  // Hosts and services are rooms only where the house has any that one may see.
  const hosts = !!useQuery(allHosts()).data?.length || staff
  const services = !!useQuery(allServices()).data?.length || staff
  return useMemo(() => {
    const groups: NavGroup[] = [
      {
        heading: t.shell.rooms,
        items: [
          { link: { to: '/' }, under: '/', label: t.shell.dashboard, icon: IconHome, key: 'd' },
          { link: { to: '/instances' }, under: '/instances', label: t.shell.instances, icon: IconServer2, key: 'i' },
          ...(services
            ? [
                {
                  link: { to: '/services' as const },
                  under: '/services',
                  label: t.services.title,
                  icon: IconDeviceGamepad2,
                  key: 'v',
                },
              ]
            : []),
          ...(hosts
            ? [{ link: { to: '/hosts' as const }, under: '/hosts', label: t.hosts.title, icon: IconMoon, key: 'o' }]
            : []),
          { link: { to: '/backups' }, under: '/backups', label: t.shell.backups, icon: IconHistory, key: 'b' },
          { link: { to: '/templates' }, under: '/templates', label: t.shell.templates, icon: IconTemplate, key: 't' },
          { link: { to: '/activity' }, under: '/activity', label: t.shell.activity, icon: IconActivity, key: 'a' },
        ],
      },
      {
        heading: t.shell.money,
        items: [
          {
            link: { to: '/projects/$id/credits', params: { id: projectId } },
            under: `/projects/${projectId}/credits`,
            label: t.shell.credits,
            icon: IconCoin,
            key: 'c',
          },
          { link: { to: '/leases' }, under: '/leases', label: t.shell.leases, icon: IconTicket, key: 'l' },
        ],
      },
      {
        heading: t.shell.account,
        items: [
          { link: { to: '/projects' }, under: '/projects', label: t.shell.projects, icon: IconFolders, key: 'p' },
          { link: { to: '/keys' }, under: '/keys', label: t.shell.keys, icon: IconKey, key: 'k' },
          { link: { to: '/webhooks' }, under: '/webhooks', label: t.webhooks.title, icon: IconWebhook, key: 'w' },
          { link: { to: '/account' }, under: '/account', label: t.shell.settings, icon: IconUserCircle },
          {
            link: { to: '/account/notifications' },
            under: '/account/notifications',
            label: t.shell.notifications,
            icon: IconBell,
          },
          {
            link: { to: '/account/security' },
            under: '/account/security',
            label: t.shell.security,
            icon: IconShieldLock,
            key: 's',
          },
        ],
      },
    ]
    return staff ? [...groups, ...adminNav(t)] : groups
  }, [t, staff, projectId, hosts, services])
}

/** The entry that stands for a page: the one with the longest address that the page's begins with. */
export function activeEntry(groups: NavGroup[], pathname: string) {
  const fits = (under: string) =>
    under === '/'
      ? pathname === '/'
      : pathname === under || pathname.startsWith(`${under}/`) || pathname.startsWith(`${under}-`)
  return groups
    .flatMap((group) => group.items)
    .filter((item) => fits(item.under))
    .sort((a, b) => b.under.length - a.under.length)[0]
}
