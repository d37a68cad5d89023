import { Group, Stack, Text } from '@mantine/core'
import { IconExternalLink, IconMoon, IconPlus, IconSettings } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import type { Host } from '~/api'
import { LinkAnchor, LinkButton } from '~/components/links'
import { PageHeader } from '~/components/PageHeader'
import { ResourceTable } from '~/components/ResourceTable'
import { Nothing } from '~/components/states'
import { useClusters } from '~/features/admin/names'
import { RowActions } from '~/features/admin/RowActions'
import { useHostActions } from '~/features/hosts/actions'
import { allHosts } from '~/features/hosts/queries'
import { Saved } from '~/features/hosts/Saved'
import { HostStatus } from '~/features/hosts/status'
import { useT } from '~/i18n'

export const Route = createFileRoute('/_app/admin/hosts/')({ component: Hosts })

function Hosts() {
  const t = useT()
  const words = t.admin.hosts
  const query = useQuery(allHosts())
  const { names } = useClusters()
  const link = (host: Host) => (
    <LinkAnchor to="/admin/hosts/$id" params={{ id: host.id }} size="sm" fw={550} c="inherit">
      {host.name}
    </LinkAnchor>
  )
  const place = (host: Host) => `${names.get(host.cluster_id ?? '') ?? ''} · ${host.node ?? ''}`
  const wake = (host: Host) => words.wake[host.profile?.wake?.by ?? 'none']
  const add = (
    <LinkButton to="/admin/hosts-new" leftSection={<IconPlus size={16} aria-hidden />}>
      {words.addTitle}
    </LinkButton>
  )
  return (
    <>
      <PageHeader title={words.title} sub={words.sub}>
        {add}
      </PageHeader>
      <Stack>
        <ResourceTable
          label={words.title}
          rows={query.data}
          error={query.error}
          onRetry={() => void query.refetch()}
          id={(host) => host.id}
          columns={[
            {
              key: 'name',
              title: t.common.name,
              render: (host) => (
                <>
                  {link(host)}
                  <Text size="xs" c="dimmed">
                    {place(host)}
                  </Text>
                </>
              ),
            },
            { key: 'state', title: t.common.state, render: (host) => <HostStatus state={host.state} /> },
            { key: 'wake', title: words.wakeWay, from: 'md', render: (host) => <Text size="sm">{wake(host)}</Text> },
            {
              key: 'own',
              title: words.own,
              from: 'lg',
              render: (host) => <Text size="sm">{host.profile?.automatic ? t.common.yes : t.common.no}</Text>,
            },
          ]}
          acts={(host) => <Acts host={host} />}
          card={(host) => (
            <>
              <Group justify="space-between" wrap="nowrap">
                {link(host)}
                <Acts host={host} />
              </Group>
              <HostStatus state={host.state} />
              <Text size="sm" c="dimmed">
                {place(host)} · {wake(host)}
              </Text>
            </>
          )}
          empty={
            <Nothing icon={IconMoon} title={t.hosts.empty} action={add}>
              {t.hosts.emptyStaff}
            </Nothing>
          }
        />
        <Saved />
      </Stack>
    </>
  )
}

function Acts({ host }: { host: Host }) {
  const words = useT().admin.hosts
  const navigate = Route.useNavigate()
  const actions = useHostActions(host)
  const { id } = host
  return (
    <RowActions
      name={host.name}
      deeds={[
        {
          id: 'open',
          label: words.open,
          icon: IconExternalLink,
          run: () => void navigate({ to: '/hosts/$id', params: { id } }),
        },
        {
          id: 'change',
          label: words.change,
          icon: IconSettings,
          run: () => void navigate({ to: '/admin/hosts/$id', params: { id } }),
        },
        ...actions,
      ]}
    />
  )
}
