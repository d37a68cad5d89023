import { Alert, Badge, Button, Code, Group, List, SimpleGrid, Stack, Text, Tooltip } from '@mantine/core'
import { IconAlertTriangle, IconTerminal2 } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import { useState } from 'react'
import {
  getFirstBootOptions,
  getMetricsOptions,
  getPlacementOptions,
  hasCode,
  type Instance,
  listClustersOptions,
} from '~/api'
import { acceptDrift, restoreDrift } from '~/api/gen/sdk.gen'
import { freshInstance } from '~/app/live'
import { confirm } from '~/components/confirm'
import { Facts } from '~/components/Facts'
import { LinkButton } from '~/components/links'
import { Copy } from '~/components/SecretOnce'
import { Section } from '~/components/Section'
import { Badge as Dot, type Tone } from '~/components/StatusBadge'
import { Answered } from '~/components/states'
import { When } from '~/components/When'
import { Gauges } from '~/features/instances/Gauges'
import { allPlans, useTemplateNames } from '~/features/instances/queries'
import { SizeText } from '~/features/instances/SizeText'
import { useInstance } from '~/features/instances/useInstance'
import { useT } from '~/i18n'
import { useFormat } from '~/lib/format'
import { useHere, useIsStaff } from '~/lib/me'

export const Route = createFileRoute('/_app/instances/$id/')({ component: Overview })

function Overview() {
  const t = useT()
  const instance = useInstance()
  const staff = useIsStaff()
  return (
    <Stack>
      {instance.trashed_until && (
        <Alert color="yellow" className="notice" icon={<IconAlertTriangle aria-hidden />} title={t.instances.trashed}>
          {t.instances.trashedUntil} <When at={instance.trashed_until} />
        </Alert>
      )}
      {instance.pending.length > 0 && (
        <Alert color="yellow" className="notice" title={t.instances.overview.pending}>
          <List size="sm">
            {instance.pending.map((what) => (
              <List.Item key={what}>{what}</List.Item>
            ))}
          </List>
        </Alert>
      )}
      {instance.drift.length > 0 && <DriftNotice instance={instance} />}
      {instance.state === 'running' && <Now instance={instance} />}
      <SimpleGrid cols={{ base: 1, lg: 2 }}>
        <About instance={instance} />
        <Stack>
          <Access instance={instance} />
          <FirstBoot instance={instance} />
        </Stack>
      </SimpleGrid>
      {staff && <Placement instance={instance} />}
    </Stack>
  )
}

function About({ instance }: { instance: Instance }) {
  const t = useT()
  const f = useFormat()
  const names = useTemplateNames()
  const { projects } = useHere()
  const { data: plans } = useQuery(allPlans())
  const staff = useIsStaff()
  const { data: clusters } = useQuery({ ...listClustersOptions({ query: { limit: 200 } }), enabled: staff })
  const place = instance.placement
  return (
    <Section title={t.instances.overview.about}>
      <Facts
        items={[
          [t.instances.kind, t.instances.kinds[instance.kind]],
          [t.instances.template, instance.template_id && (names.get(instance.template_id) ?? instance.template_id)],
          [t.instances.plan, instance.plan_id && (plans?.find((one) => one.id === instance.plan_id)?.name ?? '…')],
          [t.instances.size, <SizeText key="size" size={instance.size} />],
          [t.instances.price, `${f.fine(instance.rate.running_micros)} ${t.common.perHour}`],
          [
            t.create.project,
            projects.find((one) => one.id === instance.project_id)?.name ?? (
              <Code key="project">{instance.project_id}</Code>
            ),
          ],
          [
            t.instances.tags,
            instance.tags.length > 0 && (
              <Group gap={6} key="tags">
                {instance.tags.map((tag) => (
                  <Badge key={tag} variant="light">
                    {tag}
                  </Badge>
                ))}
              </Group>
            ),
          ],
          [t.instances.overview.onboot, instance.onboot ? t.common.yes : t.common.no],
          [t.instances.created, <When key="made" at={instance.created_at} />],
          [t.instances.overview.seen, <When key="seen" at={instance.seen_at} />],
          [
            t.instances.overview.place,
            place &&
              `${clusters?.items.find((one) => one.id === place.cluster_id)?.name ?? ''} · ${place.node} · ${place.storage} · ${place.vmid}`,
          ],
          [
            t.instances.overview.identity,
            <Group key="id" gap="xs" wrap="nowrap">
              <Code style={{ overflowWrap: 'anywhere' }}>{instance.id}</Code>
            </Group>,
          ],
        ]}
      />
    </Section>
  )
}

function Access({ instance }: { instance: Instance }) {
  const t = useT()
  const command = `ssh root@${instance.address ?? ''}`
  return (
    <Section
      title={t.instances.overview.access}
      action={
        <LinkButton
          to="/instances/$id/console"
          params={{ id: instance.id }}
          variant="light"
          size="xs"
          leftSection={<IconTerminal2 size={15} aria-hidden />}
        >
          {t.instances.overview.openConsole}
        </LinkButton>
      }
    >
      {instance.address ? (
        <Group gap="xs" justify="space-between">
          <Code fz="sm" p="xs" style={{ flex: 1, overflowWrap: 'anywhere' }}>
            {command}
          </Code>
          <Copy text={command} />
        </Group>
      ) : (
        <Text size="sm" c="dimmed">
          {t.instances.overview.noSsh}
        </Text>
      )}
    </Section>
  )
}

function Now({ instance }: { instance: Instance }) {
  const { data } = useQuery({
    ...getMetricsOptions({ path: { id: instance.id } }),
    refetchInterval: 15_000,
    retry: false,
  })
  return data ? <Gauges now={data} /> : null
}

const bootTone: Record<string, Tone> = { waiting: 'quiet', running: 'busy', done: 'good', failed: 'bad' }

function FirstBoot({ instance }: { instance: Instance }) {
  const t = useT()
  const query = useQuery({
    ...getFirstBootOptions({ path: { id: instance.id } }),
    refetchInterval: ({ state }) => (state.data && !state.data.ended_at ? 5000 : false),
    retry: false,
  })
  if (!query.data || hasCode(query.error, 'not_found')) return null
  const boot = query.data
  return (
    <Section
      title={t.instances.overview.firstBoot}
      action={
        <Dot tone={bootTone[boot.state] ?? 'quiet'} busy={boot.state === 'running'}>
          {t.instances.overview.firstBootStates[boot.state]}
        </Dot>
      }
    >
      {boot.problem && (
        <Alert color="red" mb="sm">
          {boot.problem}
        </Alert>
      )}
      {boot.log && (
        <Code block mah={240} tabIndex={0} aria-label={t.instances.overview.log}>
          {boot.log}
        </Code>
      )}
    </Section>
  )
}

function DriftNotice({ instance }: { instance: Instance }) {
  const t = useT()
  const staff = useIsStaff()
  const path = { id: instance.id }
  const after = () => freshInstance(instance.id)
  return (
    <Alert
      color="yellow"
      className="notice"
      icon={<IconAlertTriangle aria-hidden />}
      title={t.instances.overview.drift}
    >
      <Stack gap="sm">
        {instance.drift.map((one) => (
          <div key={`${one.kind}${one.what}`}>
            <Text size="sm" fw={550}>
              {one.what}
            </Text>
            {(one.expected || one.found) && (
              <Text size="sm">
                {t.instances.overview.expected}: <Code>{one.expected ?? '–'}</Code> · {t.instances.overview.found}:{' '}
                <Code>{one.found ?? '–'}</Code>
              </Text>
            )}
            <Text size="sm" c="dimmed">
              {one.what_to_do}
            </Text>
          </div>
        ))}
        {staff && (
          <Group gap="xs">
            <Button
              size="xs"
              variant="default"
              onClick={() =>
                confirm({
                  title: t.instances.overview.driftRestore,
                  body: instance.name,
                  label: t.instances.overview.driftRestore,
                  danger: false,
                  act: () => restoreDrift({ path }).then(after),
                })
              }
            >
              {t.instances.overview.driftRestore}
            </Button>
            <Button
              size="xs"
              variant="default"
              onClick={() =>
                confirm({
                  title: t.instances.overview.driftAccept,
                  body: instance.name,
                  label: t.instances.overview.driftAccept,
                  danger: false,
                  act: () => acceptDrift({ path, body: {} }).then(after),
                })
              }
            >
              {t.instances.overview.driftAccept}
            </Button>
          </Group>
        )}
      </Stack>
    </Alert>
  )
}

/** For staff: why it is where it is. */
function Placement({ instance }: { instance: Instance }) {
  const t = useT()
  const f = useFormat()
  const [shown, setShown] = useState(false)
  const query = useQuery({ ...getPlacementOptions({ path: { id: instance.id } }), enabled: shown, retry: false })
  return (
    <Section
      title={t.instances.overview.placement}
      action={
        !shown && (
          <Button size="xs" variant="default" onClick={() => setShown(true)}>
            {t.instances.overview.placementShow}
          </Button>
        )
      }
    >
      {shown && (
        <Answered query={query} lines={3}>
          {(kept) => (
            <Stack gap="xs">
              {kept.nodes.map((one) => (
                <Group key={`${one.cluster_id}${one.node}`} justify="space-between" gap="xs">
                  <Group gap="xs">
                    <Text size="sm" fw={550}>
                      {one.node}
                    </Text>
                    {one.fate === 'chosen' && (
                      <Badge color="teal" variant="light">
                        {t.instances.overview.chosen}
                      </Badge>
                    )}
                  </Group>
                  <Tooltip label={`${f.bytes(one.memory.free)} / ${f.bytes(one.memory.total)}`}>
                    <Text size="sm" c="dimmed">
                      {one.message}
                    </Text>
                  </Tooltip>
                </Group>
              ))}
            </Stack>
          )}
        </Answered>
      )}
    </Section>
  )
}
