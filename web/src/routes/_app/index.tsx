import { Alert, Box, Card, Group, Progress, SimpleGrid, Skeleton, Stack, Text } from '@mantine/core'
import {
  IconAlertTriangle,
  IconCircleCheck,
  IconMail,
  IconPlus,
  IconRocket,
  IconTrash,
  type TablerIcon,
} from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import { type ReactNode, useMemo } from 'react'
import {
  type Balance,
  getBalanceOptions,
  getQuotaOptions,
  getSpendingOptions,
  type Instance,
  listOperationsOptions,
  listReceivedInvitationsOptions,
} from '~/api'
import { Credits } from '~/components/Credits'
import { LinkAnchor, LinkButton } from '~/components/links'
import { PageHeader } from '~/components/PageHeader'
import { Section } from '~/components/Section'
import { SpendingChart } from '~/components/SpendingChart'
import { Stat } from '~/components/Stat'
import { InstanceStatus, OperationStatus } from '~/components/StatusBadge'
import { Answered, Nothing } from '~/components/states'
import { When } from '~/components/When'
import { HostsCard } from '~/features/hosts/HostsCard'
import { allInstances } from '~/features/instances/queries'
import { SizeText } from '~/features/instances/SizeText'
import { useT } from '~/i18n'
import { useFormat } from '~/lib/format'
import { useHere, useMe } from '~/lib/me'

export const Route = createFileRoute('/_app/')({ component: Dashboard })

const SOON = 24 * 3600

function Dashboard() {
  const t = useT()
  const me = useMe()
  const { projectId } = useHere()
  const { data: instances } = useQuery(allInstances(projectId))
  const { data: balance } = useQuery(getBalanceOptions({ path: { id: projectId } }))
  const spending = useQuery(getSpendingOptions({ path: { id: projectId } }))
  const first = instances?.length === 0
  return (
    <>
      <PageHeader title={t.dashboard.title} sub={t.dashboard.hello(me.user.name.split(' ')[0] ?? '')}>
        <LinkButton to="/instances-new" leftSection={<IconPlus size={16} aria-hidden />}>
          {t.instances.create}
        </LinkButton>
      </PageHeader>
      <Stats balance={balance} instances={instances} />
      <SimpleGrid cols={{ base: 1, lg: 3 }} spacing="md">
        <Stack className="wide">
          {first ? (
            <Card padding={0}>
              <Nothing
                icon={IconRocket}
                title={t.dashboard.first}
                action={<LinkButton to="/instances-new">{t.instances.create}</LinkButton>}
              >
                {t.dashboard.firstHint}
              </Nothing>
            </Card>
          ) : (
            <Section
              title={t.dashboard.instances}
              action={
                <LinkAnchor to="/instances" size="sm">
                  {t.dashboard.viewAll}
                </LinkAnchor>
              }
            >
              {instances ? <Some instances={instances} /> : <Skeleton h={160} />}
            </Section>
          )}
          <HostsCard />
          <Section
            title={t.dashboard.spending}
            about={t.dashboard.spendingAbout}
            action={
              spending.data && (
                <Text fw={600}>
                  <Credits micros={spending.data.total_micros} />
                </Text>
              )
            }
          >
            <Answered query={spending}>{(spent) => <SpendingChart days={spent.by_day} />}</Answered>
          </Section>
        </Stack>
        <Stack>
          <Attention balance={balance} instances={instances} />
          <Recent instances={instances} />
          <Room />
        </Stack>
      </SimpleGrid>
    </>
  )
}

function Stats({ balance, instances }: { balance: Balance | undefined; instances: Instance[] | undefined }) {
  const t = useT()
  const f = useFormat()
  const { projectId } = useHere()
  const params = { id: projectId }
  const running = instances?.filter((one) => one.state === 'running').length
  return (
    <SimpleGrid cols={{ base: 2, md: 4 }} spacing="md" mb="md">
      <Stat
        name={t.dashboard.balance}
        value={balance && <Credits micros={balance.wallet_micros} />}
        hint={balance && t.dashboard.held(f.credits(balance.held_micros))}
        link={{ to: '/projects/$id/credits', params }}
      />
      <Stat
        name={t.dashboard.burn}
        value={balance && <Credits micros={balance.rate_micros_per_hour} unit={t.common.perHour} exact />}
        link={{ to: '/projects/$id/credits/spending', params }}
      />
      <Stat
        name={t.dashboard.runway}
        value={balance && (balance.runway_seconds == null ? t.dashboard.endless : f.duration(balance.runway_seconds))}
        link={{ to: '/projects/$id/credits/top-up', params }}
      />
      <Stat
        name={t.dashboard.running}
        value={instances && String(running)}
        hint={instances && t.dashboard.of(instances.length)}
        link={{ to: '/instances', search: { state: 'running' } }}
      />
    </SimpleGrid>
  )
}

function Some({ instances }: { instances: Instance[] }) {
  return (
    <Stack gap={0}>
      {instances.slice(0, 6).map((one) => (
        <Group key={one.id} justify="space-between" py={9} gap="sm" className="line">
          <Box flex="1 1 160px" miw={0}>
            <LinkAnchor to="/instances/$id" params={{ id: one.id }} size="sm" fw={550} c="inherit">
              {one.name}
            </LinkAnchor>
            <Text size="xs" c="dimmed" truncate>
              <SizeText size={one.size} />
            </Text>
          </Box>
          <Text size="sm" ff="monospace" c="dimmed" visibleFrom="sm" w={130}>
            {one.address ?? '–'}
          </Text>
          <Box w={120}>
            <InstanceStatus state={one.state} trashed={!!one.trashed_until} />
          </Box>
        </Group>
      ))}
    </Stack>
  )
}

function Attention({ balance, instances }: { balance: Balance | undefined; instances: Instance[] | undefined }) {
  const t = useT()
  const f = useFormat()
  const { projectId } = useHere()
  const { data: invitations } = useQuery(listReceivedInvitationsOptions())
  const words = t.dashboard
  const notes: { key: string; icon: TablerIcon; tone: 'red' | 'yellow' | 'indigo'; text: string; link: ReactNode }[] =
    []
  const instance = (one: Instance) => (
    <LinkAnchor to="/instances/$id" params={{ id: one.id }} size="sm">
      {words.look}
    </LinkAnchor>
  )
  if (balance?.billing_hold_since || (balance?.runway_seconds != null && balance.runway_seconds < SOON))
    notes.push({
      key: 'balance',
      icon: IconAlertTriangle,
      tone: balance.billing_hold_since ? 'red' : 'yellow',
      text: balance.billing_hold_since ? words.hold : words.low(f.duration(balance.runway_seconds ?? 0)),
      link: (
        <LinkAnchor to="/projects/$id/credits/top-up" params={{ id: projectId }} size="sm">
          {t.create.topUp}
        </LinkAnchor>
      ),
    })
  for (const one of instances ?? []) {
    if (one.state === 'failed' || one.state === 'missing')
      notes.push({
        key: one.id,
        icon: IconAlertTriangle,
        tone: 'red',
        text: words.failedInstance(one.name, t.instances.states[one.state]),
        link: instance(one),
      })
    else if (one.drift.length)
      notes.push({
        key: one.id,
        icon: IconAlertTriangle,
        tone: 'yellow',
        text: words.driftInstance(one.name),
        link: instance(one),
      })
    else if (one.trashed_until)
      notes.push({
        key: one.id,
        icon: IconTrash,
        tone: 'yellow',
        text: words.trashedInstance(one.name, f.relative(one.trashed_until)),
        link: instance(one),
      })
  }
  for (const one of invitations?.items ?? [])
    notes.push({
      key: one.invitation.id,
      icon: IconMail,
      tone: 'indigo',
      text: words.invited(one.project_name),
      link: (
        <LinkAnchor to="/invitations" size="sm">
          {words.look}
        </LinkAnchor>
      ),
    })
  return (
    <Section title={words.attention}>
      {notes.length === 0 ? (
        <Group gap="xs" wrap="nowrap">
          <IconCircleCheck size={20} aria-hidden color="var(--mantine-color-teal-6)" />
          <Text size="sm" c="dimmed">
            {words.allWell}
          </Text>
        </Group>
      ) : (
        <Stack gap="xs">
          {notes.slice(0, 6).map((note) => (
            <Alert
              key={note.key}
              color={note.tone}
              className={note.tone === 'red' ? undefined : 'notice'}
              icon={<note.icon aria-hidden />}
              p="sm"
            >
              <Text size="sm">{note.text}</Text>
              {note.link}
            </Alert>
          ))}
        </Stack>
      )}
    </Section>
  )
}

/** The last operations in the project that is shown; staff are told of all, everywhere. */
function Recent({ instances }: { instances: Instance[] | undefined }) {
  const t = useT()
  const { data } = useQuery(listOperationsOptions({ query: { limit: 50 } }))
  const names = useMemo(() => new Map(instances?.map((one) => [one.id, one.name])), [instances])
  const here = data?.items.filter((one) => names.has(one.instance_id)).slice(0, 6)
  return (
    <Section
      title={t.dashboard.recent}
      action={
        <LinkAnchor to="/activity" size="sm">
          {t.dashboard.viewAll}
        </LinkAnchor>
      }
    >
      {!here || !instances ? (
        <Skeleton h={120} />
      ) : here.length === 0 ? (
        <Text size="sm" c="dimmed">
          {t.operations.empty}
        </Text>
      ) : (
        <Stack gap="xs">
          {here.map((one) => (
            <Group key={one.id} justify="space-between" wrap="nowrap" gap="xs">
              <Box miw={0}>
                <Text size="sm" truncate>
                  {t.operations.verbs[one.verb]} <b>{names.get(one.instance_id)}</b>
                </Text>
                <OperationStatus state={one.state} />
              </Box>
              <Text size="xs" c="dimmed">
                <When at={one.created_at} />
              </Text>
            </Group>
          ))}
        </Stack>
      )}
    </Section>
  )
}

/** How much of what it may have a project has. */
function Room() {
  const t = useT()
  const f = useFormat()
  const { projectId } = useHere()
  const { data } = useQuery(getQuotaOptions({ path: { id: projectId } }))
  if (!data) return null
  const rows = [
    [t.dashboard.quotaInstances, data.used.instances, data.allowed.instances, f.whole],
    [t.dashboard.quotaCores, data.used.cores, data.allowed.cores, f.whole],
    [t.dashboard.quotaMemory, data.used.memory_mib, data.allowed.memory_mib, f.mib],
    [t.dashboard.quotaDisk, data.used.disk_gib, data.allowed.disk_gib, f.gib],
  ] as const
  return (
    <Section title={t.dashboard.quota}>
      <Stack gap="sm">
        {rows.map(([name, used, allowed, show]) => (
          <div key={name}>
            <Group justify="space-between" mb={4}>
              <Text size="sm">{name}</Text>
              <Text size="sm" c="dimmed" className="tnum">
                {show(used)} / {show(allowed)}
              </Text>
            </Group>
            <Progress
              size={5}
              value={allowed ? Math.min(100, (used / allowed) * 100) : 100}
              aria-label={name}
              color={used / allowed > 0.9 ? 'orange' : 'indigo'}
            />
          </div>
        ))}
      </Stack>
    </Section>
  )
}
