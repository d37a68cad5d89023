import { Box, Group, Text } from '@mantine/core'
import {
  IconAlertTriangle,
  IconBell,
  IconHourglass,
  IconMoon,
  IconPlayerStop,
  IconPower,
  IconQuestionMark,
  IconRocket,
  IconSun,
  IconTool,
  type TablerIcon,
} from '@tabler/icons-react'
import type { Host, HostState } from '~/api'
import { type Tone, tones } from '~/components/StatusBadge'
import { useT } from '~/i18n'
import { needsOf } from './queries'
import { useNow } from './useNow'

const looks: Record<HostState, { tone: Tone; icon: TablerIcon; busy?: boolean }> = {
  unknown: { tone: 'quiet', icon: IconQuestionMark },
  off: { tone: 'quiet', icon: IconMoon },
  waking: { tone: 'busy', icon: IconBell, busy: true },
  booting: { tone: 'busy', icon: IconRocket, busy: true },
  ready: { tone: 'good', icon: IconSun },
  idle: { tone: 'warn', icon: IconHourglass, busy: true },
  draining: { tone: 'warn', icon: IconPlayerStop, busy: true },
  shutting_down: { tone: 'warn', icon: IconPower, busy: true },
  maintenance: { tone: 'odd', icon: IconTool },
  error: { tone: 'bad', icon: IconAlertTriangle },
}
export const hostTone = (state: HostState) => looks[state].tone

/** Where a host stands: a picture and a word, never colour alone. */
export function HostStatus({ state, size = 'sm' }: { state: HostState; size?: 'xs' | 'sm' }) {
  const t = useT()
  const { tone, icon: Icon, busy } = looks[state]
  return (
    <Box component="span" style={{ display: 'inline-flex', alignItems: 'center', gap: 7, whiteSpace: 'nowrap' }}>
      <Icon size={16} aria-hidden className="dot" data-busy={busy || undefined} color={tones[tone]} />
      <Text component="span" size={size}>
        {t.hosts.states[state]}
      </Text>
    </Box>
  )
}

/** The same as the great thing of a page. */
export function HostEmblem({ state, size = 64 }: { state: HostState; size?: number }) {
  const { tone, icon: Icon, busy } = looks[state]
  return (
    <Box
      w={size}
      h={size}
      style={{
        flex: 'none',
        display: 'grid',
        placeItems: 'center',
        borderRadius: size / 3.4,
        color: tones[tone],
        background: `color-mix(in srgb, ${tones[tone]} 15%, transparent)`,
      }}
    >
      <Icon size={size / 2} stroke={1.6} aria-hidden className="dot" data-busy={busy || undefined} />
    </Box>
  )
}

/** How long something still lasts, to the second; how one says it. */
export function useLeft(until: string | null | undefined) {
  const t = useT()
  const now = useNow(!!until)
  if (!until) return undefined
  const seconds = Math.round((Date.parse(until) - now) / 1000)
  if (seconds <= 0) return { seconds: 0, text: t.hosts.overdue }
  const text =
    seconds >= 3600
      ? t.hosts.hm(Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60))
      : t.hosts.ms(Math.floor(seconds / 60), seconds % 60)
  return { seconds, text }
}

/** A length of time in hours and minutes. */
export function useHours() {
  const t = useT()
  return (seconds: number) => {
    const minutes = Math.round(seconds / 60)
    if (seconds > 0 && minutes === 0) return t.hosts.ms(0, Math.round(seconds))
    return t.hosts.hm(Math.floor(minutes / 60), minutes % 60)
  }
}

/** In a line: what keeps a host awake, or what it waits for. */
export function Awaits({ host }: { host: Host }) {
  const words = useT().hosts
  const left = useLeft(host.deadline)
  const needs = needsOf(host)
  if (host.state === 'idle') return <Line>{`${words.sleepsIn} ${left?.text ?? '…'}`}</Line>
  if (left) return <Line>{left.seconds ? words.leftAtMost(left.text) : left.text}</Line>
  if (host.state === 'error') return <Line>{host.reason ?? words.stateAbout.error}</Line>
  if (host.state === 'ready') {
    const first = needs[0]
    if (!first) return <Line>{host.profile?.automatic === false ? words.nobodyLooks : words.nothingNeeds}</Line>
    return (
      <Line>
        {words.told[first.kind][first.reading]}
        {needs.length > 1 && ` (+${needs.length - 1})`}
      </Line>
    )
  }
  return <Line>{words.stateAbout[host.state]}</Line>
}

const Line = ({ children }: { children: React.ReactNode }) => (
  <Group gap={6} wrap="nowrap">
    <Text size="sm" c="dimmed" className="tnum" lineClamp={2}>
      {children}
    </Text>
  </Group>
)
