import { Card, Group, SegmentedControl, SimpleGrid, Skeleton, Stack, Text, Title } from '@mantine/core'
import { IconChartLine } from '@tabler/icons-react'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import { lazy, Suspense, useMemo } from 'react'
import * as v from 'valibot'
import { getMetricsHistoryOptions, getMetricsOptions, type MetricsPoint } from '~/api'
import { Answered, Nothing } from '~/components/states'
import { Gauges } from '~/features/instances/Gauges'
import { useT } from '~/i18n'
import { useFormat } from '~/lib/format'

const TimeChart = lazy(() => import('~/components/TimeChart'))

export const Route = createFileRoute('/_app/instances/$id/metrics')({
  validateSearch: v.object({
    range: v.optional(v.picklist(['hour', 'day', 'week', 'month', 'year'])),
    most: v.optional(v.boolean()),
  }),
  component: MetricsTab,
})

function MetricsTab() {
  const t = useT()
  const { id } = Route.useParams()
  const { range = 'hour', most } = Route.useSearch()
  const navigate = Route.useNavigate()
  const { data: now } = useQuery({ ...getMetricsOptions({ path: { id } }), refetchInterval: 15_000, retry: false })
  const query = useQuery({
    ...getMetricsHistoryOptions({ path: { id }, query: { timeframe: range, consolidation: most ? 'max' : 'average' } }),
    placeholderData: keepPreviousData,
    refetchInterval: 60_000,
  })
  return (
    <Stack>
      {now && <Gauges now={now} />}
      <Group>
        <SegmentedControl
          size="xs"
          value={range}
          aria-label={t.common.when}
          onChange={(next) =>
            void navigate({
              search: (before) => ({ ...before, range: next as 'hour' }),
              replace: true,
              resetScroll: false,
            })
          }
          data={(['hour', 'day', 'week', 'month', 'year'] as const).map((one) => ({
            value: one,
            label: t.instances.metrics.ranges[one],
          }))}
        />
        <SegmentedControl
          size="xs"
          value={most ? 'max' : 'average'}
          aria-label={t.instances.metrics.average}
          onChange={(next) =>
            void navigate({
              search: (before) => ({ ...before, most: next === 'max' || undefined }),
              replace: true,
              resetScroll: false,
            })
          }
          data={[
            { value: 'average', label: t.instances.metrics.average },
            { value: 'max', label: t.instances.metrics.most },
          ]}
        />
      </Group>
      <Answered query={query} lines={6}>
        {(history) =>
          history.points.length === 0 ? (
            <Card>
              <Nothing icon={IconChartLine} title={t.instances.metrics.none} />
            </Card>
          ) : (
            <Charts points={history.points} />
          )
        }
      </Answered>
    </Stack>
  )
}

function Charts({ points }: { points: MetricsPoint[] }) {
  const t = useT()
  const f = useFormat()
  const times = useMemo(() => points.map((point) => point.time), [points])
  const charts = useMemo(() => {
    const names = t.instances.metrics
    const rate = (value: number) => `${f.bytes(value)}/s`
    const total = (field: 'memory_total' | 'disk_total') => Math.max(0, ...points.map((point) => point[field] ?? 0))
    return [
      { name: names.cpu, field: 'cpu', show: f.percent, top: 0.05 },
      { name: names.memory, field: 'memory_used', show: f.bytes, top: total('memory_total') },
      { name: names.networkIn, field: 'network_in', show: rate, top: undefined },
      { name: names.networkOut, field: 'network_out', show: rate, top: undefined },
      { name: names.diskRead, field: 'disk_read', show: rate, top: undefined },
      { name: names.diskWritten, field: 'disk_written', show: rate, top: undefined },
    ] as const
  }, [t, f, points])
  return (
    <SimpleGrid cols={{ base: 1, lg: 2 }}>
      {charts.map((chart) => (
        <Chart key={chart.field} times={times} points={points} {...chart} />
      ))}
    </SimpleGrid>
  )
}

type Field = 'cpu' | 'memory_used' | 'network_in' | 'network_out' | 'disk_read' | 'disk_written'

function Chart({
  name,
  field,
  show,
  top,
  times,
  points,
}: {
  name: string
  field: Field
  show: (value: number) => string
  top?: number
  times: number[]
  points: MetricsPoint[]
}) {
  const t = useT()
  const values = useMemo(() => points.map((point) => point[field] ?? null), [points, field])
  const known = values.filter((value): value is number => value !== null)
  return (
    <Card padding="md">
      <Group justify="space-between" mb="xs">
        <Title order={2} size="h6">
          {name}
        </Title>
        {known.length > 0 && (
          <Text size="xs" c="dimmed" className="tnum">
            {show(known.at(-1) ?? 0)} · {t.instances.metrics.max(show(Math.max(...known)))}
          </Text>
        )}
      </Group>
      <Suspense fallback={<Skeleton h={180} />}>
        <TimeChart label={name} times={times} values={values} show={show} top={top} binary={field !== 'cpu'} />
      </Suspense>
    </Card>
  )
}
