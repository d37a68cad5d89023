import { Group, Stack, Text } from '@mantine/core'
import { IconMoon, IconPlus } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import type { Host, Service } from '~/api'
import { CanButton } from '~/components/Can'
import { CommandHints } from '~/components/CommandHints'
import { LinkAnchor, LinkButton } from '~/components/links'
import { PageHeader } from '~/components/PageHeader'
import { ResourceTable } from '~/components/ResourceTable'
import { Nothing } from '~/components/states'
import { When } from '~/components/When'
import { RowActions } from '~/features/admin/RowActions'
import { useHostActions } from '~/features/hosts/actions'
import { allHosts } from '~/features/hosts/queries'
import { Saved } from '~/features/hosts/Saved'
import { Awaits, HostStatus } from '~/features/hosts/status'
import { useServicesOn } from '~/features/services/queries'
import { ServiceStatus } from '~/features/services/status'
import { useT } from '~/i18n'
import { useIsStaff } from '~/lib/me'

export const Route = createFileRoute('/_app/hosts/')({ component: Hosts })

function Hosts() {
  const t = useT()
  const words = t.hosts
  const staff = useIsStaff()
  const query = useQuery(allHosts())
  const on = useServicesOn()
  const link = (host: Host) => (
    <LinkAnchor to="/hosts/$id" params={{ id: host.id }} size="sm" fw={550} c="inherit">
      {host.name}
    </LinkAnchor>
  )
  return (
    <>
      <PageHeader title={words.title} sub={words.sub}>
        {staff && (
          <LinkButton to="/admin/hosts-new" leftSection={<IconPlus size={16} aria-hidden />}>
            {words.add}
          </LinkButton>
        )}
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
                  {host.node && host.node !== host.name && (
                    <Text size="xs" c="dimmed">
                      {host.node}
                    </Text>
                  )}
                </>
              ),
            },
            {
              key: 'state',
              title: t.common.state,
              render: (host) => (
                <>
                  <HostStatus state={host.state} />
                  <Text size="xs" c="dimmed">
                    <When at={host.since} />
                  </Text>
                </>
              ),
            },
            { key: 'why', title: words.why, from: 'md', render: (host) => <Awaits host={host} /> },
            ...(staff
              ? [
                  {
                    key: 'services',
                    title: t.services.title,
                    from: 'lg' as const,
                    render: (host: Host) => <Services list={on(host)} />,
                  },
                ]
              : []),
          ]}
          acts={(host) => <Acts host={host} />}
          card={(host) => (
            <>
              <Group justify="space-between" wrap="nowrap">
                {link(host)}
                <HostStatus state={host.state} />
              </Group>
              <Awaits host={host} />
              <Services list={on(host)} />
              <Group justify="flex-end" mt="xs">
                <Acts host={host} />
              </Group>
            </>
          )}
          empty={
            <Nothing
              icon={IconMoon}
              title={words.empty}
              action={staff && <LinkButton to="/admin/hosts-new">{words.add}</LinkButton>}
            >
              {staff ? words.emptyStaff : words.emptyHint}
            </Nothing>
          }
        />
        {query.data && query.data.length > 0 && (
          <>
            <Saved />
            <CommandHints hints={[{ cli: 'innkeeper host status', method: 'GET', path: '/api/v1/hosts' }]} />
          </>
        )}
      </Stack>
    </>
  )
}

function Services({ list }: { list: Service[] }) {
  return (
    <Stack gap={6}>
      {list.slice(0, 3).map((one) => (
        <Group key={one.id} gap="xs" wrap="nowrap">
          <LinkAnchor to="/services/$id" params={{ id: one.id }} size="sm">
            {one.name}
          </LinkAnchor>
          <ServiceStatus state={one.state} size="xs" />
        </Group>
      ))}
      {list.length > 3 && (
        <Text size="xs" c="dimmed">
          +{list.length - 3}
        </Text>
      )}
    </Stack>
  )
}

/** What is most likely wanted now, as a button, and the rest. */
function Acts({ host }: { host: Host }) {
  const actions = useHostActions(host)
  const wanted = host.state === 'idle' ? 'cancel' : host.state === 'error' ? 'clear' : 'wake'
  const main = actions.find((one) => one.id === wanted)
  const shown = host.state === 'ready' ? undefined : main
  return (
    <Group gap="xs" wrap="nowrap" justify="flex-end">
      {shown && (
        <CanButton
          size="xs"
          variant="light"
          why={shown.why}
          onClick={shown.run}
          leftSection={<shown.icon size={15} aria-hidden />}
        >
          {shown.label}
        </CanButton>
      )}
      <RowActions deeds={actions} name={host.name} />
    </Group>
  )
}
