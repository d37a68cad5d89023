import { Alert, Box, Group, Text } from '@mantine/core'
import { IconAlertTriangle, IconSettings } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute, Outlet } from '@tanstack/react-router'
import { useMemo } from 'react'
import { getHostOptions, type Host } from '~/api'
import { CanButton } from '~/components/Can'
import { LinkBack, LinkButton } from '~/components/links'
import { PageHeader } from '~/components/PageHeader'
import { PageTabs } from '~/components/PageTabs'
import { Answered } from '~/components/states'
import { When } from '~/components/When'
import { RowActions } from '~/features/admin/RowActions'
import { useHostActions } from '~/features/hosts/actions'
import { isGoingDown } from '~/features/hosts/queries'
import { HostStatus } from '~/features/hosts/status'
import { useT } from '~/i18n'
import { useIsStaff } from '~/lib/me'
import { usePageActions } from '~/lib/page-actions'

export const Route = createFileRoute('/_app/hosts/$id')({
  loader: ({ context, params }) => context.queryClient.prefetchQuery(getHostOptions({ path: params })),
  component: HostPage,
})

function HostPage() {
  const { id } = Route.useParams()
  const query = useQuery({ ...getHostOptions({ path: { id } }), refetchInterval: 30_000 })
  return (
    <Answered query={query} lines={6}>
      {(host) => <Page host={host} />}
    </Answered>
  )
}

function Page({ host }: { host: Host }) {
  const t = useT()
  const words = t.hosts
  const staff = useIsStaff()
  const actions = useHostActions(host)
  const offered = useMemo(
    () =>
      actions
        .filter((one) => !one.why)
        .map((one) => ({ id: `host-${one.id}`, label: one.label, description: host.name, run: one.run })),
    [actions, host.name],
  )
  usePageActions(offered)
  const { id, state } = host
  const wanted =
    state === 'error' ? ['clear'] : isGoingDown(state) ? ['cancel'] : state === 'ready' ? ['sleep'] : ['wake']
  const main = actions.filter((one) => wanted.includes(one.id))
  return (
    <>
      <PageHeader
        title={host.name}
        sub={
          <Group gap="md">
            <HostStatus state={state} />
            <Text size="sm">
              <When at={host.since} />
            </Text>
            {host.node && host.node !== host.name && <Text size="sm">{host.node}</Text>}
          </Group>
        }
        back={<LinkBack to="/hosts">{words.title}</LinkBack>}
      >
        {main.map((one) => (
          <CanButton
            key={one.id}
            why={one.why}
            onClick={one.run}
            variant={one.id === 'sleep' ? 'default' : 'filled'}
            leftSection={<one.icon size={16} aria-hidden />}
          >
            {one.label}
          </CanButton>
        ))}
        <RowActions deeds={actions.filter((one) => !wanted.includes(one.id))} name={host.name} button />
        {staff && (
          <LinkButton
            to="/admin/hosts/$id"
            params={{ id }}
            variant="default"
            leftSection={<IconSettings size={16} aria-hidden />}
          >
            {words.settings}
          </LinkButton>
        )}
      </PageHeader>
      {state === 'error' && (
        <Alert color="red" mb="md" icon={<IconAlertTriangle aria-hidden />} title={words.states.error}>
          {host.reason ?? words.stateAbout.error}
        </Alert>
      )}
      <PageTabs
        label={host.name}
        tabs={[
          { to: '/hosts/$id', params: { id }, label: t.instances.tabs.overview },
          { to: '/hosts/$id/history', params: { id }, label: words.turns },
        ]}
      />
      <Box pt="md">
        <Outlet />
      </Box>
    </>
  )
}
