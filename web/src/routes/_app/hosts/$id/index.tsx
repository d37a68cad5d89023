import { Card, Group, SimpleGrid, Stack, Text, Title } from '@mantine/core'
import { createFileRoute } from '@tanstack/react-router'
import * as v from 'valibot'
import type { Host, HostWindow, Weekday } from '~/api'
import { CanButton } from '~/components/Can'
import { CommandHints } from '~/components/CommandHints'
import { Facts } from '~/components/Facts'
import { LinkAnchor } from '~/components/links'
import { Section } from '~/components/Section'
import { When } from '~/components/When'
import { hostHints, useHostActions } from '~/features/hosts/actions'
import { Chain } from '~/features/hosts/Chain'
import { isGoingDown, isGoingUp, needsOf } from '~/features/hosts/queries'
import { Saved } from '~/features/hosts/Saved'
import { Probes, Signals } from '~/features/hosts/Signals'
import { Slept } from '~/features/hosts/Slept'
import { Awaits, HostEmblem, useLeft } from '~/features/hosts/status'
import { useHost } from '~/features/hosts/useHost'
import { useServicesOn } from '~/features/services/queries'
import { ServiceStatus, useCount } from '~/features/services/status'
import { useT } from '~/i18n'

export const Route = createFileRoute('/_app/hosts/$id/')({
  validateSearch: v.object({ range: v.optional(v.picklist(['day', 'week'])) }),
  component: Overview,
})

function Overview() {
  const host = useHost()
  const { range = 'day' } = Route.useSearch()
  const navigate = Route.useNavigate()
  const onWay = isGoingUp(host.state) || isGoingDown(host.state)
  const hints = hostHints(host)
  return (
    <Stack>
      <Stand host={host} />
      <Slept
        host={host}
        range={range}
        onRange={(next) => void navigate({ search: { range: next }, replace: true, resetScroll: false })}
      />
      <SimpleGrid cols={{ base: 1, lg: 2 }}>
        <Signals host={host} />
        <Stack>
          {onWay && <Chain host={host} />}
          <OnIt host={host} />
          <Hours host={host} />
          <Probes host={host} />
          <Saved hostId={host.id} />
        </Stack>
      </SimpleGrid>
      <CommandHints hints={[hints.show, hints.wake, hints.sleep, hints.cancel]} />
    </Stack>
  )
}

/** Where it stands, as the great thing, with what was asked of it. */
function Stand({ host }: { host: Host }) {
  const t = useT()
  const words = t.hosts
  const left = useLeft(host.deadline)
  const actions = useHostActions(host)
  const cancel = actions.find((one) => one.id === 'cancel')
  const wish = (one: { at: string; by?: string | null; why?: string | null }) => (
    <>
      <When at={one.at} />
      {one.by && ` · ${one.by}`}
      {one.why && ` · ${one.why}`}
    </>
  )
  const counting = host.state === 'idle' && left
  return (
    <Card component="section" aria-label={t.common.state}>
      <Group justify="space-between" gap="lg">
        <Group gap="lg" wrap="nowrap" flex="1 1 320px">
          <HostEmblem state={host.state} />
          <div style={{ minWidth: 0 }} aria-live="polite">
            <Title order={2} size="h2" lh={1.2}>
              {words.states[host.state]}
            </Title>
            <Text size="sm" c="dimmed">
              {words.stateAbout[host.state]}
            </Text>
            {host.state === 'ready' && <KeptBy host={host} />}
          </div>
        </Group>
        {counting && (
          <Group gap="md" role="timer" aria-label={words.sleepsIn}>
            <div>
              <Text size="xs" c="dimmed">
                {words.sleepsIn}
              </Text>
              <Text fz={28} fw={650} lh={1.1} className="tnum">
                {left.text}
              </Text>
            </div>
            {cancel && (
              <CanButton why={cancel.why} onClick={cancel.run} leftSection={<cancel.icon size={16} aria-hidden />}>
                {cancel.label}
              </CanButton>
            )}
          </Group>
        )}
      </Group>
      {(host.awake_until || host.asked || host.sleep) && (
        <Group mt="md" gap="xl">
          <Facts
            items={[
              [words.keptUntil, host.awake_until && <When key="kept" at={host.awake_until} />],
              [words.wantedBy, host.asked && <span key="asked">{wish(host.asked)}</span>],
              [words.wantedSleep, host.sleep && <span key="sleep">{wish(host.sleep)}</span>],
            ]}
          />
        </Group>
      )}
      {host.sleep && host.state === 'ready' && (
        <Text size="sm" mt="xs">
          {words.asSoon}
        </Text>
      )}
      {host.asked && host.state === 'shutting_down' && (
        <Text size="sm" mt="xs">
          {words.wokenAfter}
        </Text>
      )}
    </Card>
  )
}

/** Of what kinds that which keeps it awake is. */
function KeptBy({ host }: { host: Host }) {
  const words = useT().hosts
  const needs = needsOf(host)
  if (needs.length === 0) return <Awaits host={host} />
  return (
    <Text size="sm" mt={2}>
      {words.keptBy(needs.map((signal) => words.signals[signal.kind]).join(', '))}
    </Text>
  )
}

/** The services on it, as far as one is told where they run. */
function OnIt({ host }: { host: Host }) {
  const t = useT()
  const count = useCount()
  const on = useServicesOn()
  if (!host.profile) return null
  const list = on(host)
  return (
    <Section title={t.hosts.onIt}>
      {list.length === 0 && (
        <Text size="sm" c="dimmed">
          {t.hosts.onItNone}
        </Text>
      )}
      {list.map((one) => (
        <Group key={one.id} justify="space-between" className="line" py={8}>
          <div>
            <LinkAnchor to="/services/$id" params={{ id: one.id }} size="sm" fw={550} c="inherit">
              {one.name}
            </LinkAnchor>
            <Text size="xs" c="dimmed">
              {t.services.kinds[one.kind]} {count(one) && `· ${count(one)}`}
            </Text>
          </div>
          <ServiceStatus state={one.state} />
        </Group>
      ))}
    </Section>
  )
}

const week: Weekday[] = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday']

/** The hours at which it is to be awake; for staff. */
function Hours({ host }: { host: Host }) {
  const words = useT().admin.hosts
  const windows = host.profile?.windows ?? []
  if (windows.length === 0) return null
  const days = (one: HostWindow) => week.filter((day) => one.days.includes(day)).map((day) => words.days[day])
  return (
    <Section title={words.windows}>
      {windows.map((one) => (
        <Group key={`${one.from}${one.to}${one.days.join()}`} justify="space-between" className="line" py={8}>
          <Text size="sm">{days(one).join(', ')}</Text>
          <Text size="sm" c="dimmed" className="tnum">
            {one.from} – {one.to} · {one.time_zone}
          </Text>
        </Group>
      ))}
    </Section>
  )
}
