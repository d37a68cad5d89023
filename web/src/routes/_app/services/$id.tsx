import { Alert, Card, Group, SimpleGrid, Stack, Text, Title } from '@mantine/core'
import { IconAlertTriangle, IconRefresh, IconSettings } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import { useMemo } from 'react'
import { getServiceOptions, type Service } from '~/api'
import { CanButton } from '~/components/Can'
import { CommandHints } from '~/components/CommandHints'
import { Facts } from '~/components/Facts'
import { LinkAnchor, LinkBack, LinkButton } from '~/components/links'
import { PageHeader } from '~/components/PageHeader'
import { Section } from '~/components/Section'
import { Answered } from '~/components/states'
import { When } from '~/components/When'
import { useHostNames } from '~/features/hosts/queries'
import { useInstanceNames } from '~/features/instances/queries'
import { serviceHints } from '~/features/services/hints'
import { Join } from '~/features/services/Join'
import { Players } from '~/features/services/Players'
import { countsPlayers, hostOf, instanceOf } from '~/features/services/queries'
import { Refused } from '~/features/services/RestartDialog'
import { RestartHistory, RestartUnderWay, useRestarts } from '~/features/services/restarts'
import { ServiceEmblem, ServiceStatus } from '~/features/services/status'
import { useRestart } from '~/features/services/useRestart'
import { useT } from '~/i18n'
import { useFormat } from '~/lib/format'
import { useIsStaff } from '~/lib/me'
import { usePageActions } from '~/lib/page-actions'

export const Route = createFileRoute('/_app/services/$id')({
  loader: ({ context, params }) => context.queryClient.prefetchQuery(getServiceOptions({ path: params })),
  component: ServicePage,
})

function ServicePage() {
  const { id } = Route.useParams()
  const query = useQuery({ ...getServiceOptions({ path: { id } }), refetchInterval: 15_000 })
  return (
    <Answered query={query} lines={6}>
      {(service) => <Page service={service} />}
    </Answered>
  )
}

/** A restart that has ended is shown where it happened for so long. */
const LATELY_MS = 60_000

function Page({ service }: { service: Service }) {
  const t = useT()
  const words = t.services
  const staff = useIsStaff()
  const restart = useRestart(service)
  const restarts = useRestarts(service.id)
  const { id, name } = service
  const newest = restarts.items?.[0]
  const lately = newest?.ended_at && Date.now() - Date.parse(newest.ended_at) < LATELY_MS
  const current = newest && (!newest.ended_at || lately) ? newest : undefined
  const under = newest && !newest.ended_at
  const why = restart.why ?? (under ? words.restartNow : undefined)
  const offered = useMemo(
    () => (why ? [] : [{ id: 'service-restart', label: words.restart, description: name, run: restart.run }]),
    [why, words, name, restart.run],
  )
  usePageActions(offered)
  return (
    <>
      <PageHeader
        title={name}
        sub={
          <Group gap="md">
            <ServiceStatus state={service.state} />
            <Text size="sm">{words.kinds[service.kind]}</Text>
            <Text size="sm">
              {words.seen} <When at={service.seen_at} />
            </Text>
          </Group>
        }
        back={<LinkBack to="/services">{words.title}</LinkBack>}
      >
        <CanButton
          why={why}
          onClick={restart.run}
          variant="default"
          leftSection={<IconRefresh size={16} aria-hidden />}
        >
          {words.restart}
        </CanButton>
        {staff && (
          <LinkButton
            to="/admin/services/$id"
            params={{ id }}
            variant="default"
            leftSection={<IconSettings size={16} aria-hidden />}
          >
            {words.settings}
          </LinkButton>
        )}
      </PageHeader>
      <Stack>
        {restart.refusal && <Refused refusal={restart.refusal} />}
        {service.staff?.door_problem && (
          <Alert color="yellow" className="notice" icon={<IconAlertTriangle aria-hidden />} title={words.doorProblem}>
            {service.staff.door_problem}
          </Alert>
        )}
        <Stand service={service} />
        {current && <RestartUnderWay key={current.id} service={service} id={current.id} />}
        <SimpleGrid cols={{ base: 1, lg: 2 }}>
          {countsPlayers(service.kind) && <Players service={service} />}
          <Stack>
            <Join service={service} />
            {countsPlayers(service.kind) && service.staff && <Where service={service} />}
          </Stack>
          {!countsPlayers(service.kind) && service.staff && <Where service={service} />}
        </SimpleGrid>
        <RestartHistory service={service} />
        <CommandHints hints={[serviceHints(service).show, serviceHints(service).restart]} />
      </Stack>
    </>
  )
}

/** How it was last seen, as the great thing. */
function Stand({ service }: { service: Service }) {
  const t = useT()
  const words = t.services
  const f = useFormat()
  const { answer } = service
  const state = service.state ?? 'unseen'
  return (
    <Card component="section" aria-label={t.common.state}>
      <Group gap="lg" wrap="nowrap">
        <ServiceEmblem service={service} />
        <div style={{ minWidth: 0 }} aria-live="polite">
          <Title order={2} size="h2" lh={1.2}>
            {words.states[state]}
          </Title>
          <Text size="sm" c="dimmed">
            {words.stateAbout[state]}
          </Text>
        </div>
      </Group>
      {(answer || service.rests) && (
        <div style={{ marginTop: 16 }}>
          <Facts
            items={[
              [words.motd, answer?.motd],
              [words.version, answer?.version],
              [words.latency, answer?.latency_us != null && words.ms(f.num(answer.latency_us / 1000))],
              [words.rests, service.rests && t.common.yes],
            ]}
          />
        </div>
      )}
    </Card>
  )
}

/** Where it runs and what the last look brought; for staff. */
function Where({ service }: { service: Service }) {
  const t = useT()
  const words = t.services
  const instances = useInstanceNames()
  const hosts = useHostNames()
  const { staff } = service
  if (!staff) return null
  const instance = instanceOf(staff.at)
  const host = hostOf(staff.at)
  return (
    <Section title={words.where}>
      <Facts
        items={[
          [
            'guest' in staff.at ? words.onGuest(staff.at.guest.vmid) : instance ? words.onInstance : words.onHost,
            instance ? (
              <LinkAnchor key="instance" to="/instances/$id" params={{ id: instance }} inherit>
                {instances.get(instance) ?? instance}
              </LinkAnchor>
            ) : (
              host && (
                <LinkAnchor key="host" to="/hosts/$id" params={{ id: host }} inherit>
                  {hosts.get(host) ?? host}
                </LinkAnchor>
              )
            ),
          ],
          [t.instances.address, staff.address && `${staff.address}:${staff.port}`],
          [
            words.report,
            staff.report && (
              <span key="report">
                {staff.report.message}
                {staff.report.error && `: ${staff.report.error.message}`}
              </span>
            ),
          ],
        ]}
      />
    </Section>
  )
}
