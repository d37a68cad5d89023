import {
  IconBrandDiscord,
  IconCoins,
  IconCreditCard,
  IconDeviceGamepad2,
  IconDisc,
  IconFileInvoice,
  IconGift,
  IconLayoutDashboard,
  IconListCheck,
  IconMailForward,
  IconMoonStars,
  IconNetwork,
  IconServer2,
  IconServerBolt,
  IconSettings,
  IconShieldCheck,
  IconSpeakerphone,
  IconTags,
  IconTicket,
  IconUsers,
} from '@tabler/icons-react'
import type { Messages } from '~/i18n/en'
import type { NavGroup } from './nav'

/** The pages of those who look after the house: one line for each page below `routes/_app/admin/`. */
export const adminNav = (t: Messages): NavGroup[] => [
  {
    heading: t.shell.admin,
    items: [
      { link: { to: '/admin' }, under: '/admin', label: t.shell.overview, icon: IconLayoutDashboard, key: 'h' },
      { link: { to: '/admin/users' }, under: '/admin/users', label: t.admin.users.title, icon: IconUsers, key: 'u' },
      {
        link: { to: '/admin/invitations' },
        under: '/admin/invitations',
        label: t.admin.gifts.invitations,
        icon: IconMailForward,
      },
      {
        link: { to: '/admin/announcements' },
        under: '/admin/announcements',
        label: t.announcements.title,
        icon: IconSpeakerphone,
      },
      { link: { to: '/admin/instances' }, under: '/admin/instances', label: t.admin.rooms.title, icon: IconServer2 },
      {
        link: { to: '/admin/operations' },
        under: '/admin/operations',
        label: t.admin.queue.title,
        icon: IconListCheck,
      },
      { link: { to: '/admin/audit' }, under: '/admin/audit', label: t.audit.title, icon: IconShieldCheck },
    ],
  },
  {
    heading: t.admin.building,
    items: [
      {
        link: { to: '/admin/clusters' },
        under: '/admin/clusters',
        label: t.admin.clusters.title,
        icon: IconServerBolt,
        key: 'n',
      },
      { link: { to: '/admin/hosts' }, under: '/admin/hosts', label: t.admin.hosts.title, icon: IconMoonStars },
      {
        link: { to: '/admin/services' },
        under: '/admin/services',
        label: t.admin.services.title,
        icon: IconDeviceGamepad2,
      },
      { link: { to: '/admin/networks' }, under: '/admin/networks', label: t.admin.stores.networks, icon: IconNetwork },
      { link: { to: '/admin/catalogue' }, under: '/admin/catalogue', label: t.admin.catalogue.title, icon: IconTags },
      { link: { to: '/admin/isos' }, under: '/admin/isos', label: t.admin.stores.isos, icon: IconDisc },
      { link: { to: '/admin/discord' }, under: '/admin/discord', label: t.discord.title, icon: IconBrandDiscord },
      { link: { to: '/admin/settings' }, under: '/admin/settings', label: t.admin.house.title, icon: IconSettings },
    ],
  },
  {
    heading: t.admin.till,
    items: [
      {
        link: { to: '/admin/finance' },
        under: '/admin/finance',
        label: t.admin.finance.title,
        icon: IconCoins,
        key: 'f',
      },
      {
        link: { to: '/admin/payments' },
        under: '/admin/payments',
        label: t.admin.sales.payments,
        icon: IconCreditCard,
      },
      {
        link: { to: '/admin/invoices' },
        under: '/admin/invoices',
        label: t.credits.invoices,
        icon: IconFileInvoice,
      },
      { link: { to: '/admin/leases' }, under: '/admin/leases', label: t.admin.sales.leases, icon: IconTicket },
      { link: { to: '/admin/vouchers' }, under: '/admin/vouchers', label: t.admin.gifts.vouchers, icon: IconGift },
    ],
  },
]
