import { Alert, Group, SimpleGrid, Stack, Text } from '@mantine/core'
import { IconAlertTriangle } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import { useMemo } from 'react'
import * as v from 'valibot'
import { healthzOptions, listOperationsOptions, type Operation, readyzOptions } from '~/api'
import { useLiveness } from '~/app/live'
import { LinkAnchor } from '~/components/links'
import { PageHeader } from '~/components/PageHeader'
import { Section } from '~/components/Section'
import { Badge, OperationStatus } from '~/components/StatusBadge'
import { When } from '~/components/When'
import { OneOf } from '~/features/admin/Filter'
import { useProjectNames } from '~/features/admin/names'
import { Stat } from '~/features/admin/Stat'
import { useInstanceNames } from '~/features/instances/queries'
import { Operations } from '~/features/operations/Operations'
import { useT } from '~/i18n'
import { useFormat } from '~/lib/format'

export const Route = createFileRoute('/_app/admin/operations')({
  validateSearch: v.object({ only: v.optional(v.picklist(['active'])) }),
  component: Queue,
})

const RECENT = 200

/** How the house's work goes: what waits, what failed, how long things take. */
function Queue() {
  const t = useT()
  const f = useFormat()
  const words = t.admin.queue
  const { only } = Route.useSearch()
  const navigate = Route.useNavigate()
  const active = useQuery({
    ...listOperationsOptions({ query: { active: true, limit: RECENT } }),
    refetchInterval: 5000,
  })
  const recent = useQuery({ ...listOperationsOptions({ query: { limit: RECENT } }), refetchInterval: 30_000 })
  const told = useMemo(() => tell(recent.data?.items ?? []), [recent.data])
  const waiting = active.data?.items.filter((one) => one.state === 'pending') ?? []
  const oldest = waiting.at(-1)
  const late = active.data?.items.filter((one) => one.deadline && Date.parse(one.deadline) < Date.now()) ?? []
  return (
    <>
      <PageHeader title={words.title} sub={words.sub} />
      <Stack>
        <SimpleGrid cols={{ base: 2, md: 4 }}>
          <Stat
            name={words.active}
            value={active.data ? f.whole(active.data.items.length) : '…'}
            hint={words.waiting(waiting.length)}
          />
          <Stat
            name={words.oldest}
            value={oldest ? <When at={oldest.created_at} fz={20} /> : words.nothing}
            hint={oldest && t.operations.verbs[oldest.verb]}
          />
          <Stat
            name={words.failed}
            value={recent.data ? f.whole(told.failed) : '…'}
            hint={words.ofLast(recent.data?.items.length ?? 0)}
          />
          <Stat
            name={words.median}
            value={told.median === undefined ? '–' : `${f.num(told.median)} s`}
            hint={told.slow === undefined ? undefined : words.slowest(`${f.num(told.slow)} s`)}
          />
        </SimpleGrid>
        {late.length > 0 && (
          <Alert color="red" className="notice" icon={<IconAlertTriangle aria-hidden />}>
            {words.late(late.length)}
          </Alert>
        )}
        <SimpleGrid cols={{ base: 1, md: 2 }}>
          <Health />
          <Failures all={told.failures} />
        </SimpleGrid>
        <Group>
          <OneOf
            label={t.common.state}
            value={only}
            names={{ active: t.operations.onlyActive }}
            onChange={(next) => void navigate({ search: { only: next }, replace: true, resetScroll: false })}
          />
        </Group>
        <Operations key={only ?? 'all'} active={only === 'active' || undefined} />
      </Stack>
    </>
  )
}

/** What the last operations say together. */
function tell(all: Operation[]) {
  const failures = all.filter((one) => one.state === 'failed')
  const took = all
    .filter((one) => one.state === 'succeeded' && one.ended_at)
    .map((one) => (Date.parse(one.ended_at ?? '') - Date.parse(one.created_at)) / 1000)
    .sort((a, b) => a - b)
  return { failures, failed: failures.length, median: took[Math.floor(took.length / 2)], slow: took.at(-1) }
}

function Health() {
  const t = useT()
  const words = t.admin.queue
  const live = useLiveness()
  const up = useQuery({ ...healthzOptions(), refetchInterval: 15_000, retry: false })
  const ready = useQuery({ ...readyzOptions(), refetchInterval: 15_000, retry: false })
  const state = (query: { data?: unknown; error: unknown }) =>
    query.error ? (
      <Badge tone="bad">{words.no}</Badge>
    ) : (
      <Badge tone={query.data ? 'good' : 'quiet'}>{query.data ? words.yes : '…'}</Badge>
    )
  const lines = [
    [words.up, words.upHint, state(up)],
    [words.ready, words.readyHint, state(ready)],
    [
      words.events,
      words.eventsHint,
      <Badge key="live" tone={live === 'live' ? 'good' : live === 'polling' ? 'warn' : 'quiet'}>
        {live === 'live' ? t.shell.live : live === 'polling' ? words.polling : t.shell.connecting}
      </Badge>,
    ],
  ] as const
  return (
    <Section title={words.health}>
      {lines.map(([name, hint, value]) => (
        <Group key={name} justify="space-between" wrap="nowrap" className="line" py={8}>
          <div>
            <Text size="sm" fw={550}>
              {name}
            </Text>
            <Text size="xs" c="dimmed">
              {hint}
            </Text>
          </div>
          {value}
        </Group>
      ))}
    </Section>
  )
}

function Failures({ all }: { all: Operation[] }) {
  const t = useT()
  const words = t.admin.queue
  const names = useInstanceNames()
  const projects = useProjectNames()
  return (
    <Section title={words.failures} about={words.failuresAbout}>
      {all.length === 0 ? (
        <Text size="sm" c="dimmed">
          {words.failuresNone}
        </Text>
      ) : (
        all.slice(0, 6).map((one) => (
          <div key={one.id} className="line" style={{ paddingBlock: 8 }}>
            <Group justify="space-between" wrap="nowrap">
              <Text size="sm" fw={550}>
                {t.operations.verbs[one.verb]}{' '}
                {names.has(one.instance_id) ? (
                  <LinkAnchor to="/instances/$id" params={{ id: one.instance_id }} inherit c="inherit">
                    {names.get(one.instance_id)}
                  </LinkAnchor>
                ) : (
                  <Text span c="dimmed" inherit>
                    {t.instances.states.deleted}
                  </Text>
                )}
              </Text>
              <OperationStatus state={one.state} />
            </Group>
            <Text size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
              {projects.get(one.project_id)} · <When at={one.ended_at ?? one.created_at} />
              {one.error && ` · ${one.error.message}`}
            </Text>
          </div>
        ))
      )}
    </Section>
  )
}
