import { Card, Group, SimpleGrid, Stack, Text, ThemeIcon } from '@mantine/core'
import { IconAlertTriangle, IconCircleCheck } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { type Cluster, getFinanceOptions, listOperationsOptions, listPaymentsOptions } from '~/api'
import { listAudit } from '~/api/gen/sdk.gen'
import { usePages } from '~/api/pages'
import { Credits } from '~/components/Credits'
import { LinkAnchor } from '~/components/links'
import { PageHeader } from '~/components/PageHeader'
import { Section } from '~/components/Section'
import { Stat } from '~/components/Stat'
import { Answered, Lines } from '~/components/states'
import { When } from '~/components/When'
import { HealthBadge } from '~/features/admin/clusters/health'
import { allClusters, useUserNames } from '~/features/admin/names'
import { useActionName } from '~/features/audit/useActionName'
import { allInstances } from '~/features/instances/queries'
import { useT } from '~/i18n'
import { useFormat } from '~/lib/format'
import { useIsAdmin } from '~/lib/me'

export const Route = createFileRoute('/_app/admin/')({ component: House })

function House() {
  const t = useT()
  const f = useFormat()
  const words = t.admin.overview
  const admin = useIsAdmin()
  const clusters = useQuery({ ...allClusters(), refetchInterval: 30_000 })
  const { data: instances } = useQuery(allInstances())
  const { data: finance } = useQuery({ ...getFinanceOptions(), enabled: admin })
  const { data: active } = useQuery(listOperationsOptions({ query: { active: true, limit: 50 } }))
  return (
    <>
      <PageHeader title={words.title} sub={words.sub} />
      <SimpleGrid cols={{ base: 2, md: 4 }} mb="md">
        <Stat
          link={{ to: '/admin/instances' }}
          name={words.instances}
          value={instances ? f.whole(instances.length) : '…'}
        />
        <Stat
          link={{ to: '/admin/operations' }}
          name={words.operations}
          value={active ? f.whole(active.items.length) : '…'}
        />
        {finance && (
          <Stat
            link={{ to: '/admin/finance' }}
            name={words.outstanding}
            value={<Credits micros={finance.outstanding_micros} />}
          />
        )}
        {finance && (
          <Stat
            link={{ to: '/admin/finance' }}
            name={words.revenue}
            value={<Credits micros={finance.revenue_micros} />}
          />
        )}
      </SimpleGrid>
      <SimpleGrid cols={{ base: 1, md: 2 }}>
        <Attention clusters={clusters.data} />
        <Section title={words.clusters}>
          <Answered query={clusters}>
            {(list) =>
              list.length === 0 ? (
                <Text size="sm" c="dimmed">
                  {words.clustersNone}
                </Text>
              ) : (
                list.map((one) => (
                  <Group key={one.id} justify="space-between" py={9} className="line" wrap="nowrap">
                    <div style={{ minWidth: 0 }}>
                      <LinkAnchor to="/admin/clusters/$id" params={{ id: one.id }} size="sm" fw={550} c="inherit">
                        {one.name}
                      </LinkAnchor>
                      <Text size="xs" c="dimmed">
                        Proxmox VE {one.version ?? '–'} · {words.seen} <When at={one.seen_at} />
                      </Text>
                    </div>
                    <HealthBadge cluster={one} />
                  </Group>
                ))
              )
            }
          </Answered>
        </Section>
        {admin && <Lately />}
      </SimpleGrid>
    </>
  )
}

/** What somebody ought to look at, each with the page where that is done. */
function Attention({ clusters }: { clusters: Cluster[] | undefined }) {
  const t = useT()
  const words = t.admin.overview
  const admin = useIsAdmin()
  const { data: instances } = useQuery(allInstances())
  const { data: recent } = useQuery(listOperationsOptions({ query: { limit: 200 } }))
  const { data: disputed } = useQuery({
    ...listPaymentsOptions({ query: { state: 'disputed', limit: 50 } }),
    enabled: admin,
  })
  const day = Date.now() - 86_400_000
  const failed = recent?.items.filter((one) => one.state === 'failed' && Date.parse(one.created_at) > day).length ?? 0
  const sick = clusters?.filter((one) => one.health !== 'healthy') ?? []
  const drifted = instances?.filter((one) => one.drift.length > 0).length ?? 0
  const broken =
    instances?.filter((one) => one.state === 'failed' || one.state === 'missing' || one.state === 'unknown').length ?? 0
  const disputes = disputed?.items.length ?? 0
  const lines: { key: string; text: string; link: ReactNode }[] = [
    ...sick.map((one) => ({
      key: one.id,
      text: `${one.name}: ${one.problem ?? words.health[one.health]}`,
      link: (
        <LinkAnchor
          to="/admin/clusters/$id"
          params={{ id: one.id }}
          size="sm"
          aria-label={`${words.look}: ${one.name}`}
        >
          {words.look}
        </LinkAnchor>
      ),
    })),
    ...(drifted
      ? [
          {
            key: 'drift',
            text: t.admin.rooms.driftNotice(drifted),
            link: (
              <LinkAnchor to="/admin/instances" search={{ only: 'drift' }} size="sm">
                {t.admin.rooms.driftShow}
              </LinkAnchor>
            ),
          },
        ]
      : []),
    ...(broken
      ? [
          {
            key: 'broken',
            text: words.broken(broken),
            link: (
              <LinkAnchor to="/admin/instances" search={{ only: 'trouble' }} size="sm">
                {words.look}
              </LinkAnchor>
            ),
          },
        ]
      : []),
    ...(failed
      ? [
          {
            key: 'failed',
            text: words.failed(failed),
            link: (
              <LinkAnchor to="/admin/operations" size="sm">
                {words.look}
              </LinkAnchor>
            ),
          },
        ]
      : []),
    ...(disputes
      ? [
          {
            key: 'disputed',
            text: words.disputed(disputes),
            link: (
              <LinkAnchor to="/admin/payments" search={{ state: 'disputed' }} size="sm">
                {words.look}
              </LinkAnchor>
            ),
          },
        ]
      : []),
  ]
  return (
    <Section title={words.attention}>
      {!instances || !recent || !clusters ? (
        <Lines count={3} />
      ) : lines.length === 0 ? (
        <Group gap="sm">
          <ThemeIcon variant="light" color="teal" radius="xl">
            <IconCircleCheck size={18} aria-hidden />
          </ThemeIcon>
          <Text size="sm">{words.calm}</Text>
        </Group>
      ) : (
        <Stack gap={0}>
          {lines.map((one) => (
            <Group key={one.key} justify="space-between" wrap="nowrap" py={9} className="line">
              <Group gap="sm" wrap="nowrap" miw={0}>
                <IconAlertTriangle
                  size={18}
                  aria-hidden
                  color="light-dark(#b45309, #f6b73c)"
                  style={{ flex: 'none' }}
                />
                <Text size="sm">{one.text}</Text>
              </Group>
              {one.link}
            </Group>
          ))}
        </Stack>
      )}
    </Section>
  )
}

/** The newest lines of the log. */
function Lately() {
  const t = useT()
  const name = useActionName()
  const words = t.admin.overview
  const people = useUserNames()
  const { items } = usePages('listAudit', 'lately', (asked, signal) => listAudit({ query: asked, signal }), {
    limit: 8,
  })
  return (
    <Card component="section" className="wide">
      <Group justify="space-between" mb="md">
        <Text component="h2" fz="h5" fw={600} m={0}>
          {words.lately}
        </Text>
        <LinkAnchor to="/admin/audit" size="sm">
          {t.audit.title}
        </LinkAnchor>
      </Group>
      {!items ? (
        <Lines count={5} />
      ) : (
        items.map((one) => (
          <Group key={one.seq} justify="space-between" className="line" py={8} gap="xs">
            <Text size="sm">
              <Text span fw={550} inherit>
                {name(one.action)}
              </Text>{' '}
              <Text span c="dimmed" inherit>
                · {one.user_id ? (people.get(one.user_id) ?? '…') : t.audit.means[one.means]}
              </Text>
            </Text>
            <When at={one.at} size="xs" c="dimmed" />
          </Group>
        ))
      )}
    </Card>
  )
}
