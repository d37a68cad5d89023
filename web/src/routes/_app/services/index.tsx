import { Group, Text } from '@mantine/core'
import { IconDeviceGamepad2, IconPlus, IconRefresh, IconSettings } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import type { Service } from '~/api'
import { CommandHints } from '~/components/CommandHints'
import { LinkAnchor, LinkButton } from '~/components/links'
import { PageHeader } from '~/components/PageHeader'
import { ResourceTable } from '~/components/ResourceTable'
import { Nothing } from '~/components/states'
import { When } from '~/components/When'
import { RowActions } from '~/features/admin/RowActions'
import { allServices } from '~/features/services/queries'
import { kindIcons, ServiceStatus, useCount } from '~/features/services/status'
import { useRestart } from '~/features/services/useRestart'
import { useT } from '~/i18n'
import { useIsStaff } from '~/lib/me'

export const Route = createFileRoute('/_app/services/')({ component: Services })

function Services() {
  const t = useT()
  const words = t.services
  const staff = useIsStaff()
  const count = useCount()
  const query = useQuery(allServices())
  const add = staff && (
    <LinkButton to="/admin/services-new" leftSection={<IconPlus size={16} aria-hidden />}>
      {words.add}
    </LinkButton>
  )
  const link = (one: Service) => (
    <LinkAnchor to="/services/$id" params={{ id: one.id }} size="sm" fw={550} c="inherit">
      {one.name}
    </LinkAnchor>
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
            render: (one) => {
              const Icon = kindIcons[one.kind]
              return (
                <Group gap="sm" wrap="nowrap">
                  <Icon size={20} stroke={1.6} aria-hidden color="var(--mantine-color-dimmed)" />
                  <div>
                    {link(one)}
                    <Text size="xs" c="dimmed">
                      {words.kinds[one.kind]}
                    </Text>
                  </div>
                </Group>
              )
            },
          },
          { key: 'state', title: t.common.state, render: (one) => <ServiceStatus state={one.state} /> },
          {
            key: 'players',
            title: words.playersTitle,
            render: (one) => (
              <Text size="sm" className="tnum">
                {count(one) ?? '–'}
              </Text>
            ),
          },
          { key: 'seen', title: words.seen, from: 'md', render: (one) => <When at={one.seen_at} size="sm" /> },
        ]}
        acts={(one) => <Acts service={one} />}
        card={(one) => (
          <>
            <Group justify="space-between" wrap="nowrap">
              {link(one)}
              <Acts service={one} />
            </Group>
            <Group justify="space-between">
              <ServiceStatus state={one.state} />
              <Text size="sm" c="dimmed">
                {count(one) ?? words.kinds[one.kind]}
              </Text>
            </Group>
          </>
        )}
        empty={
          <Nothing icon={IconDeviceGamepad2} title={words.empty} action={add}>
            {staff ? words.emptyStaff : words.emptyHint}
          </Nothing>
        }
      />
      {query.data && query.data.length > 0 && (
        <div style={{ marginTop: 16 }}>
          <CommandHints hints={[{ cli: 'innkeeper service status', method: 'GET', path: '/api/v1/services' }]} />
        </div>
      )}
    </>
  )
}

function Acts({ service }: { service: Service }) {
  const t = useT()
  const staff = useIsStaff()
  const navigate = Route.useNavigate()
  const restart = useRestart(service)
  const { id } = service
  return (
    <RowActions
      name={service.name}
      deeds={[
        { id: 'restart', label: t.services.restart, icon: IconRefresh, why: restart.why, run: restart.run },
        {
          id: 'settings',
          label: t.services.settings,
          icon: IconSettings,
          why: staff ? undefined : t.hosts.staffOnly,
          run: () => void navigate({ to: '/admin/services/$id', params: { id } }),
        },
      ]}
    />
  )
}
