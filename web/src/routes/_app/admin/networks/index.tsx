import { Badge, Button, Group, Text } from '@mantine/core'
import { modals } from '@mantine/modals'
import { IconNetwork, IconPencil, IconPlus, IconTrash } from '@tabler/icons-react'
import { createFileRoute } from '@tanstack/react-router'
import { refetch } from '~/api'
import { listNetworks, removeNetwork } from '~/api/gen/sdk.gen'
import { usePages } from '~/api/pages'
import { CommandHints } from '~/components/CommandHints'
import { confirm } from '~/components/confirm'
import { LinkAnchor } from '~/components/links'
import { PageHeader } from '~/components/PageHeader'
import { ResourceTable } from '~/components/ResourceTable'
import { Nothing } from '~/components/states'
import { type Network, NetworkChangeDialog, NetworkDialog } from '~/features/admin/NetworkDialogs'
import { useClusters, useProjectNames } from '~/features/admin/names'
import { RowActions } from '~/features/admin/RowActions'
import { useT } from '~/i18n'
import { shellWord } from '~/lib/words'

export const Route = createFileRoute('/_app/admin/networks/')({ component: Networks })

function Networks() {
  const t = useT()
  const words = t.admin.stores
  const { names } = useClusters()
  const projects = useProjectNames()
  const list = usePages('listNetworks', 'house', (asked, signal) => listNetworks({ query: asked, signal }))
  const add = (
    <Button
      leftSection={<IconPlus size={16} aria-hidden />}
      onClick={() =>
        modals.open({ title: words.addNetwork, children: <NetworkDialog onDone={() => modals.closeAll()} /> })
      }
    >
      {words.addNetwork}
    </Button>
  )
  const name = (one: Network) => (
    <Group gap="xs" wrap="nowrap">
      <LinkAnchor to="/admin/networks/$id" params={{ id: one.id }} size="sm" fw={550} c="inherit">
        {one.name}
      </LinkAnchor>
      {one.default && (
        <Badge variant="light" size="sm">
          {words.default}
        </Badge>
      )}
    </Group>
  )
  const menu = (one: Network) => (
    <RowActions
      name={one.name}
      deeds={[
        {
          id: 'change',
          label: t.common.edit,
          icon: IconPencil,
          run: () =>
            modals.open({
              title: one.name,
              children: <NetworkChangeDialog network={one} onDone={() => modals.closeAll()} />,
            }),
        },
        {
          id: 'remove',
          label: t.common.remove,
          icon: IconTrash,
          danger: true,
          run: () =>
            confirm({
              title: words.removeNetworkTitle(one.name),
              body: words.removeNetworkBody,
              label: t.common.remove,
              name: one.name,
              extra: (
                <CommandHints
                  hints={[
                    {
                      cli: `innkeeper network remove ${shellWord(one.name)}`,
                      method: 'DELETE',
                      path: `/api/v1/networks/${one.id}`,
                    },
                  ]}
                />
              ),
              act: () => removeNetwork({ path: { id: one.id } }).then(() => refetch('listNetworks')),
            }),
        },
      ]}
    />
  )
  return (
    <>
      <PageHeader title={words.networks} sub={words.networksSub}>
        {add}
      </PageHeader>
      <ResourceTable
        label={words.networks}
        {...list.table}
        id={(one) => one.id}
        columns={[
          {
            key: 'name',
            title: t.common.name,
            render: (one) => (
              <>
                {name(one)}
                <Text size="xs" c="dimmed">
                  {one.project_id ? projects.get(one.project_id) : words.forAll}
                </Text>
              </>
            ),
          },
          {
            key: 'cluster',
            title: words.cluster,
            render: (one) => <Text size="sm">{names.get(one.cluster_id ?? '') ?? '–'}</Text>,
          },
          {
            key: 'bridge',
            title: t.admin.clusters.bridge,
            from: 'md',
            render: (one) => (
              <Text size="sm">
                {one.bridge}
                {one.vlan && ` · VLAN ${one.vlan}`}
              </Text>
            ),
          },
          {
            key: 'mtu',
            title: 'MTU',
            right: true,
            from: 'lg',
            render: (one) => <Text size="sm">{one.mtu ?? '–'}</Text>,
          },
          {
            key: 'rate',
            title: 'Mbit/s',
            right: true,
            from: 'lg',
            render: (one) => <Text size="sm">{one.rate_mbps ?? '–'}</Text>,
          },
        ]}
        acts={menu}
        card={(one) => (
          <>
            <Group justify="space-between" wrap="nowrap">
              {name(one)}
              {menu(one)}
            </Group>
            <Text size="sm" c="dimmed">
              {names.get(one.cluster_id ?? '')} · {one.bridge}
              {one.vlan && ` · VLAN ${one.vlan}`}
            </Text>
          </>
        )}
        empty={
          <Nothing icon={IconNetwork} title={words.networksNone} action={add}>
            {words.networksHint}
          </Nothing>
        }
      />
    </>
  )
}
