import '@mantine/spotlight/styles.layer.css'
import { useMantineColorScheme } from '@mantine/core'
import { Spotlight, type SpotlightActionGroupData, spotlight } from '@mantine/spotlight'
import {
  IconBolt,
  IconDeviceGamepad2,
  IconLanguage,
  IconMoon,
  IconPlus,
  IconPower,
  IconSearch,
  IconServer2,
  IconSun,
} from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useNavigate, useRouter } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { allHosts } from '~/features/hosts/queries'
import { allInstances } from '~/features/instances/queries'
import { allServices } from '~/features/services/queries'
import { useI18n } from '~/i18n'
import { offeredByButtons, type PageAction, useOfferedActions } from '~/lib/page-actions'
import { useNav } from './nav'

/** Everything by typing: what can be done here, where one can go, every instance. Opens whenever `asked` grows. */
export default function CommandPalette({ asked }: { asked: number }) {
  const { t, locale, setLocale } = useI18n()
  const navigate = useNavigate()
  const router = useRouter()
  const { setColorScheme } = useMantineColorScheme()
  const groups = useNav()
  const offered = useOfferedActions()
  const { data: instances } = useQuery(allInstances())
  const { data: hosts } = useQuery(allHosts())
  const { data: services } = useQuery(allServices())
  const [buttons, setButtons] = useState<PageAction[]>([])
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is asking again that opens it again
  useEffect(() => {
    setButtons(offeredByButtons())
    spotlight.open()
  }, [asked])
  const here = [...offered, ...buttons.filter((one) => !offered.some((other) => other.label === one.label))]
  const actions: SpotlightActionGroupData[] = [
    {
      group: t.shell.here,
      actions: [
        ...here.map(({ id, label, description, run }) => ({
          id,
          label,
          description,
          leftSection: <IconBolt size={18} aria-hidden />,
          onClick: run,
        })),
        {
          id: 'new',
          label: t.shell.keyCreate,
          leftSection: <IconPlus size={18} aria-hidden />,
          onClick: () => navigate({ to: '/instances-new' }),
        },
      ],
    },
    {
      group: t.shell.instances,
      actions: (instances ?? []).slice(0, 500).map((one) => ({
        id: one.id,
        label: one.name,
        description: `${t.instances.states[one.state]}${one.address ? ` · ${one.address}` : ''}`,
        keywords: [...one.tags, one.id],
        leftSection: <IconServer2 size={18} aria-hidden />,
        onClick: () => navigate({ to: '/instances/$id', params: { id: one.id } }),
      })),
    },
    {
      group: t.hosts.dashboard,
      actions: [
        ...(hosts ?? []).map((one) => ({
          id: one.id,
          label: one.name,
          description: `${t.hosts.one} · ${t.hosts.states[one.state]}`,
          keywords: [one.id, one.node ?? ''],
          leftSection: <IconPower size={18} aria-hidden />,
          onClick: () => void navigate({ to: '/hosts/$id', params: { id: one.id } }),
        })),
        ...(services ?? []).map((one) => ({
          id: one.id,
          label: one.name,
          description: `${t.services.kinds[one.kind]} · ${t.services.states[one.state ?? 'unseen']}`,
          keywords: [one.id, t.services.one],
          leftSection: <IconDeviceGamepad2 size={18} aria-hidden />,
          onClick: () => void navigate({ to: '/services/$id', params: { id: one.id } }),
        })),
      ],
    },
    ...groups.map((group) => ({
      group: group.heading,
      actions: group.items.map((item) => ({
        id: item.under,
        label: item.label,
        leftSection: <item.icon size={18} aria-hidden />,
        onClick: () => void router.navigate(item.link as { to: '/' }),
      })),
    })),
    {
      group: t.shell.look,
      actions: [
        {
          id: 'dark',
          label: t.shell.toDark,
          leftSection: <IconMoon size={18} aria-hidden />,
          onClick: () => setColorScheme('dark'),
        },
        {
          id: 'light',
          label: t.shell.toLight,
          leftSection: <IconSun size={18} aria-hidden />,
          onClick: () => setColorScheme('light'),
        },
        {
          id: 'language',
          label: t.shell.switchLanguage,
          leftSection: <IconLanguage size={18} aria-hidden />,
          onClick: () => setLocale(locale === 'en' ? 'fr' : 'en'),
        },
      ],
    },
  ]
  return (
    <Spotlight
      attributes={{ content: { 'aria-label': t.shell.search, 'aria-labelledby': undefined } }}
      actions={actions}
      shortcut={null}
      nothingFound={t.shell.searchEmpty}
      highlightQuery
      scrollable
      maxHeight={420}
      limit={16}
      searchProps={{
        leftSection: <IconSearch size={18} aria-hidden />,
        placeholder: t.shell.search,
        'aria-label': t.shell.search,
      }}
    />
  )
}
