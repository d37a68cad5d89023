import { Group, Text, Tooltip } from '@mantine/core'
import {
  IconActivity,
  IconAlarm,
  IconBuilding,
  IconCalendarTime,
  IconDeviceGamepad2,
  IconHandStop,
  IconMicrophone,
  IconScale,
  IconServer2,
  IconTicket,
  IconTool,
  type TablerIcon,
} from '@tabler/icons-react'
import type { Host, SignalKind, SignalReading } from '~/api'
import { Section } from '~/components/Section'
import { Badge, type Tone } from '~/components/StatusBadge'
import { When } from '~/components/When'
import { useT } from '~/i18n'

const icons: Record<SignalKind, TablerIcon> = {
  asked: IconHandStop,
  instances: IconServer2,
  leases: IconTicket,
  guests: IconBuilding,
  tasks: IconActivity,
  players: IconDeviceGamepad2,
  voice: IconMicrophone,
  keep_awake: IconAlarm,
  schedule: IconCalendarTime,
  maintenance: IconTool,
  quorum: IconScale,
}
const tones: Record<SignalReading, Tone> = { busy: 'good', quiet: 'quiet', unreadable: 'warn' }
const order: Record<SignalReading, number> = { busy: 0, unreadable: 1, quiet: 2 }

/** Everything that may need a host, what it says, and why. */
export function Signals({ host }: { host: Host }) {
  const words = useT().hosts
  const list = [...host.signals].sort((a, b) => order[a.reading] - order[b.reading])
  const asleep = host.state === 'off'
  const staff = !!host.profile
  return (
    <Section title={words.needs} about={asleep ? words.needsAsleep : words.needsAbout}>
      {list.length === 0 ? (
        <Text size="sm" c="dimmed">
          {words.needsNone}
        </Text>
      ) : (
        <ul style={{ listStyle: 'none', margin: 0, padding: 0 }} aria-label={words.needs}>
          {list.map((signal) => {
            const Icon = icons[signal.kind]
            const said = words.told[signal.kind][signal.reading]
            return (
              <Group
                key={signal.kind}
                component="li"
                className="line"
                py={10}
                gap="sm"
                wrap="nowrap"
                align="flex-start"
              >
                <Icon size={18} stroke={1.6} aria-hidden color="var(--mantine-color-dimmed)" style={{ flex: 'none' }} />
                <div style={{ flex: 1, minWidth: 0 }}>
                  <Text size="sm" fw={550}>
                    {words.signals[signal.kind]}
                  </Text>
                  <Text size="sm" c="dimmed">
                    {said}
                  </Text>
                  {/* Staff are told names. */}
                  {staff && signal.reading !== 'quiet' && signal.reason.toLowerCase() !== said.toLowerCase() && (
                    <Text size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
                      {signal.reason}
                    </Text>
                  )}
                </div>
                <Badge tone={tones[signal.reading]}>{words.readings[signal.reading]}</Badge>
              </Group>
            )
          })}
        </ul>
      )}
    </Section>
  )
}

/** What each probe found. */
export function Probes({ host }: { host: Host }) {
  const words = useT().hosts
  return (
    <Section
      title={words.probes}
      about={
        <>
          {words.presence[host.presence]} · {words.seen} <When at={host.seen_at} />
        </>
      }
    >
      {host.probes.map(({ probe, answers, report }) => (
        <Group key={probe} justify="space-between" className="line" py={8} wrap="nowrap" gap="sm">
          <div style={{ minWidth: 0 }}>
            <Text size="sm" fw={550}>
              {words.probe[probe]}
            </Text>
            {report && (
              <Text size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
                {report.message}
                {report.error && `: ${report.error.message}`}
              </Text>
            )}
          </div>
          <Tooltip label={report?.error?.code} disabled={!report?.error}>
            <div>
              <Badge tone={answers ? 'good' : answers === false ? 'quiet' : 'warn'}>
                {answers ? words.answers.yes : answers === false ? words.answers.no : words.answers.unknown}
              </Badge>
            </div>
          </Tooltip>
        </Group>
      ))}
    </Section>
  )
}
