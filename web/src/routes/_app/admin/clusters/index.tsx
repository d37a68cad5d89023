import { Alert, Badge, Card, Group, SimpleGrid, Stack, Text, Title } from '@mantine/core'
import { IconAlertTriangle, IconPlus, IconServerBolt } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import { type Cluster, listNodesOptions } from '~/api'
import { LinkAnchor, LinkButton } from '~/components/links'
import { PageHeader } from '~/components/PageHeader'
import { Answered, Lines, Nothing } from '~/components/states'
import { When } from '~/components/When'
import { HealthBadge, Room } from '~/features/admin/clusters/health'
import { allClusters } from '~/features/admin/names'
import { useT } from '~/i18n'
import { useFormat } from '~/lib/format'

export const Route = createFileRoute('/_app/admin/clusters/')({ component: Clusters })

function Clusters() {
  const t = useT()
  const words = t.admin.clusters
  const query = useQuery({ ...allClusters(), refetchInterval: 30_000 })
  return (
    <>
      <PageHeader title={words.title} sub={words.sub}>
        <LinkButton to="/admin/clusters-placement" variant="default">
          {t.admin.placement.title}
        </LinkButton>
        <LinkButton to="/admin/clusters-new" leftSection={<IconPlus size={16} aria-hidden />}>
          {words.add}
        </LinkButton>
      </PageHeader>
      <Answered query={query} lines={6}>
        {(clusters) =>
          clusters.length === 0 ? (
            <Card padding={0}>
              <Nothing
                icon={IconServerBolt}
                title={words.empty}
                action={<LinkButton to="/admin/clusters-new">{words.add}</LinkButton>}
              >
                {words.emptyHint}
              </Nothing>
            </Card>
          ) : (
            <SimpleGrid cols={{ base: 1, md: 2 }}>
              {clusters.map((one) => (
                <ClusterCard key={one.id} one={one} />
              ))}
            </SimpleGrid>
          )
        }
      </Answered>
    </>
  )
}

function ClusterCard({ one }: { one: Cluster }) {
  const t = useT()
  const f = useFormat()
  const words = t.admin.clusters
  const nodes = useQuery({
    ...listNodesOptions({ path: { id: one.id }, query: { limit: 200 } }),
    refetchInterval: 30_000,
  })
  const list = nodes.data?.items ?? []
  const sum = (of: (node: (typeof list)[number]) => number) => list.reduce((all, node) => all + of(node), 0)
  // A storage that all nodes see is counted once.
  const storages = new Map(
    list.flatMap((node) =>
      node.storages
        .filter((storage) => storage.holds_disks || storage.holds_containers)
        .map((storage) => [storage.shared ? storage.name : `${node.name}/${storage.name}`, storage] as const),
    ),
  )
  const disk = [...storages.values()]
  return (
    <Card component="article" aria-labelledby={one.id}>
      <Group justify="space-between" align="flex-start" wrap="nowrap" mb="md">
        <div style={{ minWidth: 0 }}>
          <Title order={2} size="h4" id={one.id}>
            <LinkAnchor to="/admin/clusters/$id" params={{ id: one.id }} inherit c="inherit">
              {one.name}
            </LinkAnchor>
          </Title>
          <Text size="sm" c="dimmed">
            Proxmox VE {one.version ?? '–'} · {words.nodeCount(list.length)} · {t.admin.overview.seen}{' '}
            <When at={one.seen_at} />
          </Text>
        </div>
        <Stack gap={6} align="flex-end">
          <HealthBadge cluster={one} />
          {!one.open && (
            <Badge variant="light" color="yellow" className="notice" c="inherit">
              {words.closed}
            </Badge>
          )}
        </Stack>
      </Group>
      {one.problem && (
        <Alert color="red" className="notice" icon={<IconAlertTriangle aria-hidden />} mb="md">
          {one.problem}
        </Alert>
      )}
      {nodes.data ? (
        <Stack gap="sm" mt="auto">
          <Room
            name={t.instances.memory}
            used={sum((node) => node.memory_used)}
            total={sum((node) => node.memory_total)}
            show={f.bytes}
            about={t.instances.cores(sum((node) => node.cores))}
          />
          <Room
            name={t.instances.disk}
            used={disk.reduce((all, storage) => all + storage.used, 0)}
            total={disk.reduce((all, storage) => all + storage.total, 0)}
            show={f.bytes}
            about={words.storageCount(disk.length)}
          />
        </Stack>
      ) : (
        <Lines count={3} />
      )}
    </Card>
  )
}
