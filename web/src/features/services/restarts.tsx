import { Accordion, Alert, Box, Button, Group, Loader, Progress, Text, Timeline } from '@mantine/core'
import { IconAlertTriangle, IconCheck, IconPointFilled, IconX } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'
import { getRestartOptions, type Report, type Restart, type RestartState, refetch, type Service } from '~/api'
import { listRestarts } from '~/api/gen/sdk.gen'
import { usePages } from '~/api/pages'
import { CommandHints } from '~/components/CommandHints'
import { LinkAnchor } from '~/components/links'
import { Section } from '~/components/Section'
import { Badge, type Tone } from '~/components/StatusBadge'
import { Failed, Lines } from '~/components/states'
import { When } from '~/components/When'
import { useHours, useLeft } from '~/features/hosts/status'
import { useT } from '~/i18n'
import { serviceHints } from './hints'

const tones: Record<RestartState, Tone> = {
  announcing: 'busy',
  saving: 'busy',
  rebooting: 'busy',
  waiting: 'busy',
  done: 'good',
  failed: 'bad',
}
const steps: RestartState[] = ['announcing', 'saving', 'rebooting', 'waiting', 'done']
const FOLLOW_MS = 2000

export const useRestarts = (id: string) =>
  usePages('listRestarts', id, (asked, signal) => listRestarts({ path: { id }, query: asked, signal }), { limit: 20 })

/** A restart that is under way, phase by phase, until the service answers again. */
export function RestartUnderWay({ service, id }: { service: Service; id: string }) {
  const t = useT()
  const words = t.services
  const { data: restart } = useQuery({
    ...getRestartOptions({ path: { id } }),
    refetchInterval: ({ state }) => (state.data?.ended_at ? false : FOLLOW_MS),
  })
  const left = useLeft(restart?.ended_at ? undefined : restart?.due_at)
  const seen = useRef(new Set<RestartState>())
  const ended = restart?.ended_at
  useEffect(() => {
    if (ended) void refetch('listRestarts', 'getService', 'listServices', 'getServicePlayers')
  }, [ended])
  if (!restart) return <Lines count={3} />
  seen.current.add(restart.state)
  // Without a remote console it begins with the reboot; that there is one is told to staff only.
  const told = service.staff
    ? service.staff.rcon_port != null
    : seen.current.has('announcing') || seen.current.has('saving')
  const way = steps.filter((step) => told || (step !== 'announcing' && step !== 'saving'))
  const current = restart.state === 'failed' ? -1 : way.indexOf(restart.state)
  return (
    <Section title={words.restartNow} action={<RestartBadge restart={restart} />}>
      {left && (
        <Box mb="md">
          <Group justify="space-between" mb={6}>
            <Text size="sm">{words.restartStates[restart.state]}…</Text>
            <Text size="sm" c="dimmed" className="tnum">
              {left.seconds ? t.hosts.leftAtMost(left.text) : left.text}
            </Text>
          </Group>
          <Progress
            value={((Math.max(0, current) + 0.5) / way.length) * 100}
            size={8}
            animated
            aria-label={words.restartNow}
          />
        </Box>
      )}
      {restart.error && <Failure restart={restart} />}
      {current >= 0 && (
        <Timeline bulletSize={22} lineWidth={2} active={current} aria-live="polite">
          {way.map((step, n) => {
            const done = n < current || restart.state === 'done'
            return (
              <Timeline.Item
                key={step}
                color={done ? 'teal' : 'indigo'}
                bullet={
                  done ? (
                    <IconCheck size={13} aria-hidden />
                  ) : n === current ? (
                    <Loader size={12} color="white" aria-hidden />
                  ) : (
                    <IconPointFilled size={10} aria-hidden />
                  )
                }
                title={
                  <Text size="sm" span c={n > current ? 'dimmed' : undefined} fw={n === current ? 600 : 450}>
                    {words.restartStates[step]}
                  </Text>
                }
              >
                <Text size="xs" c="dimmed">
                  {done ? t.hosts.done : n === current ? t.hosts.underWay : t.hosts.ahead}
                </Text>
              </Timeline.Item>
            )
          })}
        </Timeline>
      )}
    </Section>
  )
}

function RestartBadge({ restart }: { restart: Restart }) {
  const words = useT().services
  return (
    <Badge tone={tones[restart.state]} busy={!restart.ended_at}>
      {words.restartStates[restart.state]}
    </Badge>
  )
}

const Failure = ({ restart }: { restart: Restart }) => (
  <Alert color="red" icon={<IconAlertTriangle aria-hidden />} mb="sm">
    {restart.error?.message}
  </Alert>
)

/** Every restart of a service, the newest first. */
export function RestartHistory({ service }: { service: Service }) {
  const t = useT()
  const words = t.services
  const list = useRestarts(service.id)
  return (
    <Section title={words.restarts}>
      {list.error ? (
        <Failed error={list.error} onRetry={() => void list.refetch()} />
      ) : !list.items ? (
        <Lines />
      ) : list.items.length === 0 ? (
        <Text size="sm" c="dimmed">
          {words.restartsNone}
        </Text>
      ) : (
        <Accordion variant="contained" multiple chevronPosition="left" keepMounted={false} order={3}>
          {list.items.map((one) => (
            <Accordion.Item key={one.id} value={one.id}>
              <Accordion.Control>
                <Line restart={one} />
              </Accordion.Control>
              <Accordion.Panel>
                <More restart={one} />
              </Accordion.Panel>
            </Accordion.Item>
          ))}
        </Accordion>
      )}
      {list.more && (
        <Group justify="center" mt="sm">
          <Button variant="default" size="xs" onClick={list.more.load} loading={list.more.loading}>
            {t.common.more}
          </Button>
        </Group>
      )}
      <Box mt="md">
        <CommandHints hints={[serviceHints(service).restarts]} />
      </Box>
    </Section>
  )
}

function Line({ restart }: { restart: Restart }) {
  const words = useT().services
  const hours = useHours()
  return (
    <Group justify="space-between" gap="xs">
      <Group gap="md">
        <RestartBadge restart={restart} />
        {restart.seconds != null && (
          <Text size="sm" c="dimmed" className="tnum">
            {words.took(restart.seconds < 60 ? `${restart.seconds} s` : hours(restart.seconds))}
          </Text>
        )}
      </Group>
      <Text size="xs" c="dimmed">
        {restart.asked_by && `${restart.asked_by} · `}
        <When at={restart.asked_at} />
      </Text>
    </Group>
  )
}

function More({ restart }: { restart: Restart }) {
  const t = useT()
  const words = t.services
  return (
    <>
      {restart.error && <Failure restart={restart} />}
      {restart.reports && restart.reports.length > 0 && <Reports list={restart.reports} />}
      {restart.operation_id && (
        <LinkAnchor to="/activity" size="sm">
          {words.operation}
        </LinkAnchor>
      )}
      {!restart.error && !restart.reports?.length && !restart.operation_id && (
        <Text size="sm" c="dimmed">
          {words.asked} <When at={restart.asked_at} />
        </Text>
      )}
    </>
  )
}

/** What each part of something brought, as the house tells it. */
function Reports({ list }: { list: Report[] }) {
  const t = useT()
  return (
    <ul style={{ listStyle: 'none', margin: '0 0 8px', padding: 0 }} aria-label={t.services.reports}>
      {list.map((one) => (
        <Group key={`${one.timestamp}${one.message}`} component="li" wrap="nowrap" gap="sm" py={4} align="flex-start">
          {one.success ? (
            <IconCheck size={16} color="light-dark(#138a4e, #3ecf8e)" role="img" aria-label={t.hosts.done} />
          ) : (
            <IconX size={16} color="var(--mantine-color-error)" role="img" aria-label={t.hosts.states.error} />
          )}
          <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
            {one.message}
            {one.error && `: ${one.error.message}`}
          </Text>
        </Group>
      ))}
    </ul>
  )
}
