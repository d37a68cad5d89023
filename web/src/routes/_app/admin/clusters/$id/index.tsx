import { Alert, Card, Group, SimpleGrid, Stack, Text, Title } from '@mantine/core'
import { modals } from '@mantine/modals'
import { IconAlertTriangle, IconDatabase, IconTool, IconTruck } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import { listNodesOptions, type Node, refetch } from '~/api'
import { changeNode } from '~/api/gen/sdk.gen'
import { CommandHints } from '~/components/CommandHints'
import { confirm } from '~/components/confirm'
import { LinkAnchor } from '~/components/links'
import { Answered } from '~/components/states'
import { DrainDialog } from '~/features/admin/clusters/DrainDialog'
import { NodeBadge, Room } from '~/features/admin/clusters/health'
import { type Deed, RowActions } from '~/features/admin/RowActions'
import { allInstances } from '~/features/instances/queries'
import { useT } from '~/i18n'
import { useFormat } from '~/lib/format'

export const Route = createFileRoute('/_app/admin/clusters/$id/')({ component: Nodes })

function Nodes() {
  const { id } = Route.useParams()
  const query = useQuery({ ...listNodesOptions({ path: { id }, query: { limit: 200 } }), refetchInterval: 30_000 })
  return (
    <Answered query={query} lines={6}>
      {({ items }) => (
        <SimpleGrid cols={{ base: 1, md: 2, lg: 3 }}>
          {items.map((node) => (
            <NodeCard key={node.name} cluster={id} node={node} />
          ))}
        </SimpleGrid>
      )}
    </Answered>
  )
}

function NodeCard({ cluster, node }: { cluster: string; node: Node }) {
  const t = useT()
  const f = useFormat()
  const words = t.admin.clusters
  const navigate = Route.useNavigate()
  const { data: instances } = useQuery(allInstances())
  const here = instances?.filter((one) => one.placement?.cluster_id === cluster && one.placement.node === node.name)
  const path = { id: cluster, name: node.name }
  const off = node.maintenance
  const deeds: Deed[] = [
    {
      id: 'maintenance',
      label: off ? words.maintenanceEnd : words.maintenance,
      icon: IconTool,
      run: () =>
        confirm({
          title: off ? words.maintenanceEndTitle(node.name) : words.maintenanceTitle(node.name),
          body: off ? words.maintenanceEndBody : words.maintenanceBody,
          label: off ? words.maintenanceEnd : words.maintenance,
          danger: false,
          extra: (
            <CommandHints
              hints={[
                {
                  method: 'PATCH',
                  path: `/api/v1/clusters/${cluster}/nodes/${node.name}`,
                  body: { maintenance: !off },
                },
              ]}
            />
          ),
          act: () => changeNode({ path, body: { maintenance: !off } }).then(() => refetch('listNodes')),
        }),
    },
    {
      id: 'drain',
      label: words.drain,
      icon: IconTruck,
      run: () =>
        modals.open({
          title: words.drainTitle(node.name),
          size: 'lg',
          children: (
            <DrainDialog
              cluster={cluster}
              node={node.name}
              onBegun={() => void navigate({ to: '/admin/clusters/$id/drains', params: { id: cluster } })}
              onDone={() => modals.closeAll()}
            />
          ),
        }),
    },
  ]
  return (
    <Card component="article" aria-label={node.name}>
      <Group justify="space-between" wrap="nowrap" align="flex-start" mb="sm">
        <div style={{ minWidth: 0 }}>
          <Title order={2} size="h5">
            <LinkAnchor
              to="/admin/clusters/$id/nodes/$name"
              params={{ id: cluster, name: node.name }}
              inherit
              c="inherit"
            >
              {node.name}
            </LinkAnchor>
          </Title>
          <Text size="xs" c="dimmed">
            {t.instances.cores(node.cores)} · {words.instanceCount(here?.length ?? 0)}
          </Text>
        </div>
        <Group gap="xs" wrap="nowrap">
          <NodeBadge node={node} />
          <RowActions deeds={deeds} name={node.name} />
        </Group>
      </Group>
      {node.problem && (
        <Alert color="yellow" className="notice" p="xs" mb="sm" icon={<IconAlertTriangle size={16} aria-hidden />}>
          <Text size="xs">{node.problem}</Text>
        </Alert>
      )}
      <Stack gap="sm">
        <Room name={t.instances.memory} used={node.memory_used} total={node.memory_total} show={f.bytes} />
        {node.storages.map((storage) => (
          <Group key={storage.name} gap="xs" wrap="nowrap" align="flex-start">
            <IconDatabase
              size={15}
              style={{ flex: 'none', marginTop: 1 }}
              color="var(--mantine-color-dimmed)"
              aria-hidden
            />
            <div style={{ flex: 1, minWidth: 0 }}>
              <Room
                name={storage.name}
                used={storage.used}
                total={storage.total}
                show={f.bytes}
                about={
                  storage.available
                    ? [
                        storage.shared && words.shared,
                        storage.holds_disks && words.holds.disks,
                        storage.holds_containers && words.holds.containers,
                        storage.holds_backups && words.holds.backups,
                      ]
                        .filter(Boolean)
                        .join(', ')
                    : words.unavailable
                }
              />
            </div>
          </Group>
        ))}
      </Stack>
    </Card>
  )
}
