import { Alert, Card, Progress, SimpleGrid, Text } from '@mantine/core'
import type { Metrics } from '~/api'
import { useT } from '~/i18n'
import { useFormat } from '~/lib/format'

/** What something does now: processor, memory, disk, network. */
export function Gauges({ now }: { now: Metrics }) {
  const t = useT()
  const f = useFormat()
  const share = (used: number | null | undefined, total: number | null | undefined) =>
    used != null && total ? used / total : undefined
  const memory = share(now.memory_used, now.memory_total)
  const disk = share(now.disk_used, now.disk_total)
  return (
    <>
      {now.stale && (
        <Alert color="yellow" className="notice">
          {t.instances.metrics.stale(f.duration(now.age_seconds))}
        </Alert>
      )}
      <SimpleGrid cols={{ base: 2, lg: 4 }}>
        <Gauge
          name={t.instances.metrics.cpu}
          value={now.cpu != null ? f.percent(now.cpu) : '–'}
          share={now.cpu ?? undefined}
          sub={now.cores != null ? t.instances.cores(now.cores) : undefined}
        />
        <Gauge
          name={t.instances.metrics.memory}
          value={memory !== undefined ? f.percent(memory) : '–'}
          share={memory}
          sub={
            memory !== undefined
              ? t.instances.metrics.ofTotal(f.bytes(now.memory_used ?? 0), f.bytes(now.memory_total ?? 0))
              : undefined
          }
        />
        <Gauge
          name={t.instances.metrics.disk}
          value={disk !== undefined ? f.percent(disk) : '–'}
          share={disk}
          sub={
            disk !== undefined
              ? t.instances.metrics.ofTotal(f.bytes(now.disk_used ?? 0), f.bytes(now.disk_total ?? 0))
              : undefined
          }
        />
        <Gauge
          name={t.instances.overview.uptime}
          value={now.uptime_seconds != null ? f.duration(now.uptime_seconds) : '–'}
        />
      </SimpleGrid>
    </>
  )
}

function Gauge({ name, value, share, sub }: { name: string; value: string; share?: number; sub?: string }) {
  return (
    <Card padding="md">
      <Text size="sm" c="dimmed">
        {name}
      </Text>
      <Text fz={22} fw={600} className="tnum" lh={1.35}>
        {value}
      </Text>
      {share !== undefined && (
        <Progress
          value={Math.min(100, share * 100)}
          size={5}
          mt={6}
          aria-label={name}
          color={share > 0.9 ? 'red' : share > 0.75 ? 'orange' : 'indigo'}
        />
      )}
      {sub && (
        <Text size="xs" c="dimmed" mt={6} className="tnum">
          {sub}
        </Text>
      )}
    </Card>
  )
}
