import { Group, Progress, Text } from '@mantine/core'
import { IconCheck, IconX } from '@tabler/icons-react'
import type { Check, Cluster, ClusterHealth, Node } from '~/api'
import { Badge, type Tone } from '~/components/StatusBadge'
import { useT } from '~/i18n'

const tones: Record<ClusterHealth, Tone> = {
  healthy: 'good',
  unknown: 'quiet',
  degraded: 'warn',
  unreachable: 'bad',
  refused: 'bad',
}

export function HealthBadge({ cluster }: { cluster: Cluster }) {
  const t = useT()
  return <Badge tone={tones[cluster.health]}>{t.admin.overview.health[cluster.health]}</Badge>
}

export function NodeBadge({ node }: { node: Node }) {
  const words = useT().admin.clusters
  if (!node.online) return <Badge tone="bad">{words.offline}</Badge>
  if (node.maintenance) return <Badge tone="odd">{words.inMaintenance}</Badge>
  return <Badge tone={node.problem ? 'warn' : 'good'}>{node.problem ? words.noNew : words.online}</Badge>
}

/** How much of something is taken; the numbers stand beside it. */
export function Room({
  name,
  used,
  total,
  show,
  about,
}: {
  name: string
  used: number
  total: number
  show: (value: number) => string
  about?: string
}) {
  const share = total > 0 ? used / total : 0
  return (
    <div>
      <Group justify="space-between" gap="xs" mb={4} wrap="nowrap">
        <Text size="xs" c="dimmed" truncate>
          {name}
          {about && ` · ${about}`}
        </Text>
        <Text size="xs" className="tnum" style={{ whiteSpace: 'nowrap' }}>
          {show(used)} / {show(total)}
        </Text>
      </Group>
      <Progress
        value={share * 100}
        size={6}
        color={share > 0.9 ? 'red' : share > 0.75 ? 'orange' : 'indigo'}
        aria-label={name}
      />
    </div>
  )
}

/** What a test of a cluster found, one line for each thing. */
export function Checks({ checks }: { checks: Check[] }) {
  const t = useT()
  return (
    <ul style={{ listStyle: 'none', margin: 0, padding: 0 }} aria-label={t.admin.clusters.found}>
      {checks.map((one) => (
        <Group key={one.name} component="li" wrap="nowrap" gap="sm" py={6} className="line" align="flex-start">
          {one.ok ? (
            <IconCheck
              size={18}
              color="light-dark(#138a4e, #3ecf8e)"
              role="img"
              aria-label={t.admin.clusters.ok}
              style={{ flex: 'none' }}
            />
          ) : (
            <IconX
              size={18}
              color="var(--mantine-color-error)"
              role="img"
              aria-label={t.admin.clusters.notOk}
              style={{ flex: 'none' }}
            />
          )}
          <div>
            <Text size="sm" fw={550}>
              {(t.admin.clusters.checks as Record<string, string>)[one.name] ?? one.name}
            </Text>
            <Text size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
              {one.message}
            </Text>
          </div>
        </Group>
      ))}
    </ul>
  )
}
