import { Group, Text } from '@mantine/core'
import { IconDeviceGamepad2, IconExternalLink, IconPlus, IconSettings } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import type { Service } from '~/api'
import { LinkAnchor, LinkButton } from '~/components/links'
import { PageHeader } from '~/components/PageHeader'
import { ResourceTable } from '~/components/ResourceTable'
import { Nothing } from '~/components/states'
import { RowActions } from '~/features/admin/RowActions'
import { useHostNames } from '~/features/hosts/queries'
import { useInstanceNames } from '~/features/instances/queries'
import { allServices, hostOf, instanceOf } from '~/features/services/queries'
import { ServiceStatus } from '~/features/services/status'
import { useT } from '~/i18n'

export const Route = createFileRoute('/_app/admin/services/')({ component: Services })

function Services() {
  const t = useT()
  const words = t.admin.services
  const query = useQuery(allServices())
  const hosts = useHostNames()
  const instances = useInstanceNames()
  const place = ({ staff }: Service) => {
    const instance = instanceOf(staff?.at)
    if (instance) return instances.get(instance) ?? '…'
    const host = hosts.get(hostOf(staff?.at) ?? '') ?? '…'
    return staff && 'guest' in staff.at ? `${host} · ${staff.at.guest.vmid}` : host
  }
  const address = ({ staff }: Service) => (staff ? `${staff.address ?? ''}:${staff.port}` : '')
  const link = (one: Service) => (
    <LinkAnchor to="/admin/services/$id" params={{ id: one.id }} size="sm" fw={550} c="inherit">
      {one.name}
    </LinkAnchor>
  )
  const add = (
    <LinkButton to="/admin/services-new" leftSection={<IconPlus size={16} aria-hidden />}>
      {words.addTitle}
    </LinkButton>
  )
  return (
    <>
      <PageHeader title={words.title} sub={words.sub}>
        {add}
      </PageHeader>
      <ResourceTable
        label={words.title}
        rows={query.data}
        error={query.error}
        onRetry={() => void query.refetch()}
        id={(one) => one.id}
        columns={[
          {
            key: 'name',
            title: t.common.name,
            render: (one) => (
              <>
                {link(one)}
                <Text size="xs" c="dimmed">
                  {t.services.kinds[one.kind]}
                </Text>
              </>
            ),
          },
          { key: 'state', title: t.common.state, render: (one) => <ServiceStatus state={one.state} /> },
          { key: 'place', title: words.place, render: (one) => <Text size="sm">{place(one)}</Text> },
          {
            key: 'address',
            title: words.address,
            from: 'md',
            render: (one) => (
              <Text size="sm" ff="monospace">
                {address(one)}
              </Text>
            ),
          },
          {
            key: 'door',
            title: words.doorman,
            from: 'lg',
            render: (one) => (
              <Text size="sm" ff="monospace">
                {one.staff?.doorman?.listen ?? '–'}
              </Text>
            ),
          },
        ]}
        acts={(one) => <Acts service={one} />}
        card={(one) => (
          <>
            <Group justify="space-between" wrap="nowrap">
              {link(one)}
              <Acts service={one} />
            </Group>
            <ServiceStatus state={one.state} />
            <Text size="sm" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
              {place(one)} · {address(one)}
            </Text>
          </>
        )}
        empty={
          <Nothing icon={IconDeviceGamepad2} title={t.services.empty} action={add}>
            {t.services.emptyStaff}
          </Nothing>
        }
      />
    </>
  )
}

function Acts({ service }: { service: Service }) {
  const words = useT().admin.services
  const navigate = Route.useNavigate()
  const { id } = service
  return (
    <RowActions
      name={service.name}
      deeds={[
        {
          id: 'open',
          label: words.open,
          icon: IconExternalLink,
          run: () => void navigate({ to: '/services/$id', params: { id } }),
        },
        {
          id: 'change',
          label: words.change,
          icon: IconSettings,
          run: () => void navigate({ to: '/admin/services/$id', params: { id } }),
        },
      ]}
    />
  )
}
