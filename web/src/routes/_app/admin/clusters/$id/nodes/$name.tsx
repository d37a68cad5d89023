import { Card, Group, SegmentedControl, SimpleGrid, Skeleton, Stack, Text, Title } from '@mantine/core'
import { IconChartLine } from '@tabler/icons-react'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import { lazy, Suspense, useMemo } from 'react'
import * as v from 'valibot'
import { getNodeMetricsHistoryOptions, getNodeMetricsOptions, type MetricsPoint } from '~/api'
import { LinkAnchor } from '~/components/links'
import { Section } from '~/components/Section'
import { InstanceStatus } from '~/components/StatusBadge'
import { Answered, Nothing } from '~/components/states'
import { Gauges } from '~/features/instances/Gauges'
import { allInstances } from '~/features/instances/queries'
import { SizeText } from '~/features/instances/SizeText'
import { useT } from '~/i18n'
import { useFormat } from '~/lib/format'

const TimeChart = lazy(() => import('~/components/TimeChart'))
const ranges = ['hour', 'day', 'week', 'month', 'year'] as const

export const Route = createFileRoute('/_app/admin/clusters/$id/nodes/$name')({
  validateSearch: v.object({ range: v.optional(v.picklist(ranges)) }),
  component: NodePage,
})

/** What one node does, did, and carries. */
function NodePage() {
  const t = useT()
  const { id, name } = Route.useParams()
  const { range = 'hour' } = Route.useSearch()
  const navigate = Route.useNavigate()
  const path = { id, name }
  const now = useQuery({ ...getNodeMetricsOptions({ path }), refetchInterval: 15_000, retry: false })
  const history = useQuery({
    ...getNodeMetricsHistoryOptions({ path, query: { timeframe: range } }),
    placeholderData: keepPreviousData,
    refetchInterval: 60_000,
  })
  const { data: instances } = useQuery(allInstances())
  const here = instances?.filter((one) => one.placement?.cluster_id === id && one.placement.node === name) ?? []
  return (
    <Stack>
      <Group justify="space-between">
        <Title order={2} size="h4">
          {name}
        </Title>
        <SegmentedControl
          size="xs"
          value={range}
          aria-label={t.common.when}
          onChange={(next) => void navigate({ search: { range: next as 'hour' }, replace: true, resetScroll: false })}
          data={ranges.map((value) => ({ value, label: t.instances.metrics.ranges[value] }))}
        />
      </Group>
      <Answered query={now} lines={2}>
        {(metrics) => <Gauges now={metrics} />}
      </Answered>
      <Answered query={history} lines={6}>
        {({ points }) =>
          points.length === 0 ? (
            <Card>
              <Nothing icon={IconChartLine} title={t.instances.metrics.none} />
            </Card>
          ) : (
            <Charts points={points} />
          )
        }
      </Answered>
      <Section title={t.instances.title}>
        {here.length === 0 ? (
          <Text size="sm" c="dimmed">
            {t.common.none}
          </Text>
        ) : (
          here.map((one) => (
            <Group key={one.id} justify="space-between" py={8} className="line">
              <div>
                <LinkAnchor to="/instances/$id" params={{ id: one.id }} size="sm" fw={550} c="inherit">
                  {one.name}
                </LinkAnchor>
                <Text size="xs" c="dimmed">
                  <SizeText size={one.size} />
                </Text>
              </div>
              <InstanceStatus state={one.state} trashed={!!one.trashed_until} />
            </Group>
          ))
        )}
      </Section>
    </Stack>
  )
}

function Charts({ points }: { points: MetricsPoint[] }) {
  const t = useT()
  const f = useFormat()
  const charts = useMemo(() => {
    const names = t.instances.metrics
    const rate = (value: number) => `${f.bytes(value)}/s`
    const memory = Math.max(0, ...points.map((point) => point.memory_total ?? 0))
    return [
      { name: names.cpu, field: 'cpu', show: f.percent, top: 0.05 },
      { name: names.memory, field: 'memory_used', show: f.bytes, top: memory },
      { name: names.networkIn, field: 'network_in', show: rate, top: undefined },
      { name: names.networkOut, field: 'network_out', show: rate, top: undefined },
    ] as const
  }, [t, f, points])
  const times = useMemo(() => points.map((point) => point.time), [points])
  return (
    <SimpleGrid cols={{ base: 1, lg: 2 }}>
      {charts.map(({ name, field, show, top }) => (
        <Card key={field} padding="md">
          <Title order={3} size="h6" mb="xs">
            {name}
          </Title>
          <Suspense fallback={<Skeleton h={170} />}>
            <Series points={points} field={field} times={times} name={name} show={show} top={top} />
          </Suspense>
        </Card>
      ))}
    </SimpleGrid>
  )
}

function Series({
  points,
  field,
  times,
  name,
  show,
  top,
}: {
  points: MetricsPoint[]
  field: 'cpu' | 'memory_used' | 'network_in' | 'network_out'
  times: number[]
  name: string
  show: (value: number) => string
  top?: number
}) {
  const values = useMemo(() => points.map((point) => point[field] ?? null), [points, field])
  return <TimeChart label={name} times={times} values={values} show={show} top={top} height={170} />
}
