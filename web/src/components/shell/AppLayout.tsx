import {
  ActionIcon,
  AppShell,
  Box,
  Burger,
  Group,
  Kbd,
  ScrollArea,
  Text,
  UnstyledButton,
  VisuallyHidden,
} from '@mantine/core'
import { useDisclosure, useHotkeys, useNetwork } from '@mantine/hooks'
import { IconSearch } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link, Outlet, useLocation, useNavigate, useRouter } from '@tanstack/react-router'
import { lazy, Suspense, useEffect, useMemo, useState } from 'react'
import { getBalanceOptions } from '~/api'
import { follow } from '~/app/live'
import { Mark } from '~/components/Brand'
import { Credits } from '~/components/Credits'
import { LinkNav } from '~/components/links'
import { Announcements } from '~/features/announcements/Announcements'
import { useT } from '~/i18n'
import { useHere } from '~/lib/me'
import { useShortcuts } from '~/lib/shortcuts'
import classes from './AppLayout.module.css'
import { Banners } from './Banners'
import { activeEntry, useNav } from './nav'
import { ProjectSwitch } from './ProjectSwitch'
import { TaskButton } from './TaskButton'
import { UserMenu } from './UserMenu'

const CommandPalette = lazy(() => import('./CommandPalette'))
const Shortcuts = lazy(() => import('./Shortcuts'))

export function AppLayout() {
  const t = useT()
  const groups = useNav()
  const { pathname } = useLocation()
  const [opened, nav] = useDisclosure()
  const [asked, setAsked] = useState(0)
  const [help, setHelp] = useState(false)
  const active = activeEntry(groups, pathname)
  const palette = () => setAsked((n) => n + 1)
  const navigate = useNavigate()
  const router = useRouter()
  const { online } = useNetwork()

  useEffect(() => follow(), [])
  // The list is longer than the window for those who look after the house.
  // biome-ignore lint/correctness/useExhaustiveDependencies: which entry it is changes with the address
  useEffect(() => {
    document.querySelector('nav [aria-current=page]')?.scrollIntoView({ block: 'nearest' })
  }, [active?.under])
  useHotkeys([['mod+K', palette]], [])
  useShortcuts(
    useMemo(() => {
      const keys: Record<string, () => void> = {
        '/': () => setAsked((n) => n + 1),
        '?': () => setHelp(true),
        c: () => void navigate({ to: '/instances-new' }),
      }
      for (const item of groups.flatMap((group) => group.items))
        if (item.key) keys[`g ${item.key}`] = () => void router.navigate(item.link as { to: '/' })
      return keys
    }, [groups, navigate, router]),
  )

  return (
    <AppShell
      header={{ height: 56 }}
      navbar={{ width: 252, breakpoint: 'md', collapsed: { mobile: !opened } }}
      padding={{ base: 'md', md: 'xl' }}
      classNames={{ header: classes.chrome, navbar: classes.chrome }}
    >
      <a className="skip" href="#content">
        {t.shell.skip}
      </a>
      <AppShell.Header px="md">
        <Group h="100%" justify="space-between" wrap="nowrap" gap="sm">
          <Group gap="xs" wrap="nowrap">
            <Burger
              opened={opened}
              onClick={nav.toggle}
              hiddenFrom="md"
              size="sm"
              aria-label={t.shell.open}
              aria-expanded={opened}
            />
            <Link to="/" className={classes.brand}>
              <Mark />
              <span>{t.common.appName}</span>
            </Link>
          </Group>
          <UnstyledButton className={classes.search} visibleFrom="sm" onClick={palette}>
            <IconSearch size={16} aria-hidden />
            <Text component="span" size="sm" flex={1}>
              {t.shell.search}
            </Text>
            <Kbd size="xs" ff="inherit">
              Ctrl K
            </Kbd>
          </UnstyledButton>
          <Group gap={4} wrap="nowrap">
            <ActionIcon
              variant="subtle"
              color="gray"
              size="lg"
              hiddenFrom="sm"
              onClick={palette}
              aria-label={t.shell.search}
            >
              <IconSearch size={18} />
            </ActionIcon>
            <TaskButton />
            <UserMenu onHelp={() => setHelp(true)} />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="sm" component="nav" aria-label={t.shell.main}>
        <AppShell.Section mb="md">
          <ProjectSwitch />
        </AppShell.Section>
        <AppShell.Section grow component={ScrollArea} type="hover">
          {groups.map((group) => (
            <Box key={group.heading} mb="md" role="group" aria-label={group.heading}>
              <Text size="xs" c="dimmed" fw={600} px="sm" mb={4} aria-hidden>
                {group.heading}
              </Text>
              {group.items.map((item) => (
                <LinkNav
                  key={item.label}
                  {...(item.link as { to: '/' })}
                  onClick={nav.close}
                  label={item.label}
                  leftSection={<item.icon size={18} stroke={1.6} aria-hidden />}
                  active={item === active}
                  aria-current={item === active ? 'page' : undefined}
                  activeOptions={{ exact: true }}
                  className={classes.link}
                />
              ))}
            </Box>
          ))}
        </AppShell.Section>
        <Purse />
      </AppShell.Navbar>
      <AppShell.Main id="content" tabIndex={-1} className={classes.main}>
        <Box maw={1280} mx="auto">
          <Announcements />
          <Banners online={online} />
          <Outlet />
        </Box>
      </AppShell.Main>
      <VisuallyHidden role="status" aria-live="polite" id="announcer" />
      <Suspense>
        {asked > 0 && <CommandPalette asked={asked} />}
        {help && <Shortcuts onClose={() => setHelp(false)} />}
      </Suspense>
    </AppShell>
  )
}

/** What the project has, below everything else. */
function Purse() {
  const t = useT()
  const { projectId } = useHere()
  const { data } = useQuery(getBalanceOptions({ path: { id: projectId } }))
  return (
    <Link to="/projects/$id/credits" params={{ id: projectId }} className={classes.purse}>
      <Text size="sm" c="dimmed" span>
        {t.shell.balance}
      </Text>
      <Text size="sm" fw={600} span>
        {data ? <Credits micros={data.wallet_micros} /> : '…'}
      </Text>
    </Link>
  )
}
