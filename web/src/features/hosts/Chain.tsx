import { Box, Group, Loader, Progress, Text, Timeline } from '@mantine/core'
import { IconCheck, IconPointFilled } from '@tabler/icons-react'
import type { Host, HostState } from '~/api'
import { Section } from '~/components/Section'
import { useT } from '~/i18n'
import { isGoingUp } from './queries'
import { useLeft } from './status'
import { useNow } from './useNow'

const up = ['called', 'answers', 'serves', 'ready'] as const
const down = ['countdown', 'guests', 'told', 'silent'] as const
/** Which step of its way a host is at. */
const at: Partial<Record<HostState, number>> = { waking: 1, booting: 2, idle: 0, draining: 1, shutting_down: 2 }

/** The way up or down, step by step, and how much of the time for it has gone. */
export function Chain({ host }: { host: Host }) {
  const words = useT().hosts
  const rising = isGoingUp(host.state)
  const now = useNow()
  const left = useLeft(host.deadline)
  const steps = rising ? up.map((step) => words.up[step]) : down.map((step) => words.down[step])
  const current = at[host.state] ?? 0
  const begun = Date.parse(rising ? (host.asked?.at ?? host.since) : host.since)
  const whole = host.deadline ? Date.parse(host.deadline) - begun : 0
  const share = whole > 0 ? Math.min(100, Math.max(2, ((now - begun) / whole) * 100)) : 100
  const title = rising ? words.up.title : words.down.title
  return (
    <Section title={title}>
      {left && (
        <Box mb="lg">
          <Group justify="space-between" mb={6}>
            <Text size="sm">{steps[current]}</Text>
            <Text size="sm" c="dimmed" className="tnum">
              {left.seconds === 0
                ? left.text
                : host.state === 'idle'
                  ? words.left(left.text)
                  : words.leftAtMost(left.text)}
            </Text>
          </Group>
          <Progress value={share} size={8} color={rising ? 'indigo' : 'orange'} aria-label={title} />
        </Box>
      )}
      <Timeline bulletSize={22} lineWidth={2} active={current} aria-live="polite">
        {steps.map((step, n) => {
          const state = n < current ? words.done : n === current ? words.underWay : words.ahead
          return (
            <Timeline.Item
              key={step}
              color={n < current ? 'teal' : 'indigo'}
              bullet={
                n < current ? (
                  <IconCheck size={13} aria-hidden />
                ) : n === current ? (
                  <Loader size={12} color="white" aria-hidden />
                ) : (
                  <IconPointFilled size={10} aria-hidden />
                )
              }
              title={
                <Text size="sm" fw={n === current ? 600 : 450} c={n > current ? 'dimmed' : undefined} span>
                  {step}
                </Text>
              }
            >
              <Text size="xs" c="dimmed">
                {state}
                {n === current && host.reason ? ` · ${host.reason}` : ''}
              </Text>
            </Timeline.Item>
          )
        })}
      </Timeline>
    </Section>
  )
}
