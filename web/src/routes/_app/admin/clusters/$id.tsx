import { Alert, Box, Group, Text } from '@mantine/core'
import { modals } from '@mantine/modals'
import { IconAlertTriangle, IconDoorEnter, IconDoorOff, IconPlugConnected } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute, Outlet } from '@tanstack/react-router'
import { type Cluster, getClusterOptions, refetch } from '~/api'
import { changeCluster, testCluster } from '~/api/gen/sdk.gen'
import { CommandHints } from '~/components/CommandHints'
import { confirm } from '~/components/confirm'
import { LinkBack } from '~/components/links'
import { PageHeader } from '~/components/PageHeader'
import { PageTabs } from '~/components/PageTabs'
import { Badge } from '~/components/StatusBadge'
import { Answered, Failed, Lines } from '~/components/states'
import { When } from '~/components/When'
import { Checks, HealthBadge } from '~/features/admin/clusters/health'
import { type Deed, RowActions } from '~/features/admin/RowActions'
import { useT } from '~/i18n'
import { useIsAdmin } from '~/lib/me'

export const Route = createFileRoute('/_app/admin/clusters/$id')({ component: ClusterPage })

function ClusterPage() {
  const { id } = Route.useParams()
  const query = useQuery({ ...getClusterOptions({ path: { id } }), refetchInterval: 30_000 })
  return (
    <Answered query={query} lines={6}>
      {(cluster) => <Shown cluster={cluster} />}
    </Answered>
  )
}

function Shown({ cluster }: { cluster: Cluster }) {
  const t = useT()
  const words = t.admin.clusters
  const admin = useIsAdmin()
  const { id, name } = cluster
  const open = cluster.open
  const hint = { method: 'PATCH' as const, path: `/api/v1/clusters/${id}`, body: { open: !open } }
  const deeds: Deed[] = [
    {
      id: 'test',
      label: words.test,
      icon: IconPlugConnected,
      run: () => modals.open({ title: words.testTitle(name), children: <Test cluster={cluster} /> }),
    },
    {
      id: 'open',
      label: open ? words.close : words.open,
      icon: open ? IconDoorOff : IconDoorEnter,
      why: admin ? undefined : t.admin.adminsOnly,
      run: () =>
        confirm({
          title: open ? words.closeTitle(name) : words.openTitle(name),
          body: open ? words.closeBody : words.openBody,
          label: open ? words.close : words.open,
          danger: false,
          extra: <CommandHints hints={[hint]} />,
          act: () =>
            changeCluster({ path: { id }, body: { open: !open } }).then(() => refetch('listClusters', 'getCluster')),
        }),
    },
  ]
  return (
    <>
      <PageHeader
        title={name}
        sub={
          <Group gap="md">
            <HealthBadge cluster={cluster} />
            {!open && <Badge tone="warn">{words.closed}</Badge>}
            <Text size="sm">Proxmox VE {cluster.version ?? '–'}</Text>
            <Text size="sm">
              {t.admin.overview.seen} <When at={cluster.seen_at} />
            </Text>
          </Group>
        }
        back={<LinkBack to="/admin/clusters">{words.title}</LinkBack>}
      >
        <RowActions deeds={deeds} name={name} button />
      </PageHeader>
      {cluster.problem && (
        <Alert color="red" className="notice" mb="md" icon={<IconAlertTriangle aria-hidden />}>
          {cluster.problem}
        </Alert>
      )}
      <PageTabs
        label={name}
        tabs={[
          { to: '/admin/clusters/$id', params: { id }, label: words.tabs.nodes },
          { to: '/admin/clusters/$id/guests', params: { id }, label: words.tabs.guests },
          { to: '/admin/clusters/$id/adoptions', params: { id }, label: words.tabs.adoptions },
          { to: '/admin/clusters/$id/drains', params: { id }, label: words.tabs.drains },
          { to: '/admin/clusters/$id/settings', params: { id }, label: words.tabs.settings },
        ]}
      />
      <Box pt="md">
        <Outlet />
      </Box>
    </>
  )
}

/** Tries a cluster for real, and tells what it found. */
function Test({ cluster }: { cluster: Cluster }) {
  const words = useT().admin.clusters
  const query = useQuery({
    queryKey: [{ _id: 'testCluster', cluster: cluster.id }],
    queryFn: async ({ signal }) => (await testCluster({ path: { id: cluster.id }, signal })).data,
    staleTime: 0,
    gcTime: 0,
    retry: false,
  })
  if (query.error) return <Failed error={query.error} onRetry={() => void query.refetch()} />
  if (!query.data) return <Lines count={6} />
  return (
    <>
      <Text size="sm" fw={550} mb="xs" role="status">
        {query.data.ok ? words.testGood : words.testBad}
      </Text>
      <Checks checks={query.data.checks} />
      <Box mt="md">
        <CommandHints
          hints={[{ cli: `innkeeper cluster test ${cluster.name}`, path: `/api/v1/clusters/${cluster.id}/test` }]}
        />
      </Box>
    </>
  )
}
