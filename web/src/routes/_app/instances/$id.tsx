import { Alert, Box, Card, Group, Text, Tooltip } from '@mantine/core'
import { IconAlertTriangle, IconShield } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute, Outlet } from '@tanstack/react-router'
import { useMemo } from 'react'
import { getInstanceOptions, type Instance } from '~/api'
import { CanButton } from '~/components/Can'
import { LinkBack } from '~/components/links'
import { PageHeader } from '~/components/PageHeader'
import { PageTabs } from '~/components/PageTabs'
import { InstanceStatus, OperationStatus } from '~/components/StatusBadge'
import { Answered, Nothing } from '~/components/states'
import { AwaitsHost } from '~/features/hosts/AwaitsHost'
import { MoreMenu } from '~/features/instances/ActionMenu'
import { useInstanceActions } from '~/features/instances/actions'
import { StepsOf } from '~/features/operations/Steps'
import { HoldNotice } from '~/features/projects/HoldNotice'
import { useT } from '~/i18n'
import { usePageActions } from '~/lib/page-actions'

export const Route = createFileRoute('/_app/instances/$id')({
  loader: ({ context, params }) => context.queryClient.prefetchQuery(getInstanceOptions({ path: params })),
  component: InstancePage,
})

function InstancePage() {
  const { id } = Route.useParams()
  const query = useQuery(getInstanceOptions({ path: { id } }))
  return (
    <Answered query={query} lines={6}>
      {(instance) => <Page instance={instance} />}
    </Answered>
  )
}

function Page({ instance }: { instance: Instance }) {
  const t = useT()
  const actions = useInstanceActions(instance)
  const offered = useMemo(
    () =>
      actions
        .filter((one) => !one.why)
        .map((one) => ({ id: `do-${one.id}`, label: one.label, description: instance.name, run: one.run })),
    [actions, instance.name],
  )
  usePageActions(offered)
  const { id } = instance
  const main = instance.trashed_until
    ? ['recover', 'delete']
    : instance.state === 'paused'
      ? ['resume', 'stop']
      : instance.state === 'stopped'
        ? ['start']
        : ['reboot', 'shutdown']
  const tabs = t.instances.tabs
  if (instance.state === 'deleted')
    return (
      <Nothing icon={IconAlertTriangle} title={t.instances.states.deleted}>
        {instance.name}
      </Nothing>
    )
  return (
    <>
      <PageHeader
        title={instance.name}
        sub={
          <Group gap="md">
            <InstanceStatus state={instance.state} trashed={!!instance.trashed_until} />
            {instance.address && (
              <Text ff="monospace" size="sm">
                {instance.address}
              </Text>
            )}
            <Text size="sm">{t.instances.kinds[instance.kind]}</Text>
            {instance.protected && (
              <Tooltip label={t.instances.settings.protectionAbout}>
                <Group gap={4}>
                  <IconShield size={15} aria-hidden /> <Text size="sm">{t.instances.protected}</Text>
                </Group>
              </Tooltip>
            )}
          </Group>
        }
        back={<LinkBack to="/instances">{t.instances.title}</LinkBack>}
      >
        {main.map((wanted) => {
          const one = actions.find((other) => other.id === wanted)
          return (
            one && (
              <CanButton
                key={one.id}
                why={one.why}
                onClick={one.run}
                variant={one.id === 'start' ? 'filled' : 'default'}
                leftSection={<one.icon size={16} aria-hidden />}
              >
                {one.label}
              </CanButton>
            )
          )
        })}
        <MoreMenu instance={instance} leave={main} />
      </PageHeader>
      <HoldNotice projectId={instance.project_id} />
      {instance.awaits ? (
        <AwaitsHost id={instance.awaits.host_id} />
      ) : (
        instance.problem && (
          <Alert color="red" mb="md" icon={<IconAlertTriangle aria-hidden />} title={t.instances.overview.problem}>
            {instance.problem}
          </Alert>
        )
      )}
      {instance.operation && (
        <Card mb="md" padding="md" aria-live="polite">
          <Group justify="space-between" mb="sm">
            <Text size="sm" fw={600}>
              {t.operations.verbs[instance.operation.verb]}
            </Text>
            <OperationStatus state="running" />
          </Group>
          <StepsOf id={instance.operation.id} />
        </Card>
      )}
      <PageTabs
        label={instance.name}
        tabs={[
          { to: '/instances/$id', params: { id }, label: tabs.overview },
          { to: '/instances/$id/metrics', params: { id }, label: tabs.metrics },
          { to: '/instances/$id/console', params: { id }, label: tabs.console },
          { to: '/instances/$id/commands', params: { id }, label: tabs.commands },
          { to: '/instances/$id/snapshots', params: { id }, label: tabs.snapshots },
          { to: '/instances/$id/backups', params: { id }, label: tabs.backups },
          { to: '/instances/$id/network', params: { id }, label: tabs.network },
          { to: '/instances/$id/settings', params: { id }, label: tabs.settings },
          { to: '/instances/$id/cost', params: { id }, label: tabs.cost },
          { to: '/instances/$id/activity', params: { id }, label: tabs.activity },
        ]}
      />
      <Box pt="md">
        <Outlet />
      </Box>
    </>
  )
}
