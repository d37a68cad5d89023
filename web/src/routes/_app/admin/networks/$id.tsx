import { ActionIcon, Button, Card, Code, Group, Progress, Stack, Text } from '@mantine/core'
import { modals } from '@mantine/modals'
import { IconAddressBook, IconNetworkOff, IconPlus, IconTrash } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import { type AddressPool, type Reservation, refetch } from '~/api'
import { giveAddressBack, listAddresses, listNetworks, listPools, removePool } from '~/api/gen/sdk.gen'
import { usePages, wholeList } from '~/api/pages'
import { CommandHints } from '~/components/CommandHints'
import { confirm } from '~/components/confirm'
import { Facts } from '~/components/Facts'
import { LinkAnchor, LinkBack } from '~/components/links'
import { PageHeader } from '~/components/PageHeader'
import { ResourceTable } from '~/components/ResourceTable'
import { Section } from '~/components/Section'
import { Answered, Failed, Lines, Nothing } from '~/components/states'
import { When } from '~/components/When'
import { KeepDialog, type Network, PoolDialog } from '~/features/admin/NetworkDialogs'
import { useClusters, useProjectNames } from '~/features/admin/names'
import { useInstanceNames } from '~/features/instances/queries'
import { useT } from '~/i18n'
import { useFormat } from '~/lib/format'

export const Route = createFileRoute('/_app/admin/networks/$id')({ component: NetworkPage })

const allNetworks = () =>
  wholeList<Network>('listNetworks', 'house', (asked, signal) => listNetworks({ query: asked, signal }))

function NetworkPage() {
  const t = useT()
  const { id } = Route.useParams()
  const query = useQuery(allNetworks())
  return (
    <Answered query={query} lines={6}>
      {(list) => {
        const network = list.find((one) => one.id === id)
        return network ? (
          <Shown network={network} />
        ) : (
          <Nothing order={1} icon={IconNetworkOff} title={t.common.notFound}>
            {t.common.notFoundHint}
          </Nothing>
        )
      }}
    </Answered>
  )
}

function Shown({ network }: { network: Network }) {
  const t = useT()
  const words = t.admin.stores
  const { names } = useClusters()
  const projects = useProjectNames()
  return (
    <>
      <PageHeader
        title={network.name}
        sub={`${names.get(network.cluster_id ?? '') ?? ''} · ${network.bridge ?? ''}${network.vlan ? ` · VLAN ${network.vlan}` : ''}`}
        back={<LinkBack to="/admin/networks">{words.networks}</LinkBack>}
      />
      <Stack>
        <Pools network={network} />
        <Addresses network={network} />
        <Section title={t.admin.clusters.about}>
          <Facts
            items={[
              [words.onlyFor, network.project_id ? projects.get(network.project_id) : words.forAll],
              [words.default, network.default ? t.common.yes : t.common.no],
              ['MTU', network.mtu ?? '–'],
              ['Mbit/s', network.rate_mbps ?? '–'],
              [words.since, <When key="since" at={network.created_at} />],
              [t.projects.id, <Code key="id">{network.id}</Code>],
            ]}
          />
        </Section>
      </Stack>
    </>
  )
}

function Pools({ network }: { network: Network }) {
  const t = useT()
  const f = useFormat()
  const words = t.admin.stores
  const list = usePages('listPools', network.id, (asked, signal) =>
    listPools({ path: { id: network.id }, query: asked, signal }),
  )
  const remove = (one: AddressPool) => {
    const path = { id: network.id, pool_id: one.id }
    confirm({
      title: words.removePoolTitle(one.cidr),
      body: words.removePoolBody,
      label: t.common.remove,
      name: one.cidr,
      extra: <CommandHints hints={[{ method: 'DELETE', path: `/api/v1/networks/${network.id}/pools/${one.id}` }]} />,
      act: () => removePool({ path }).then(() => refetch('listPools')),
    })
  }
  return (
    <Section
      title={words.pools}
      about={words.poolsAbout}
      action={
        <Button
          variant="default"
          leftSection={<IconPlus size={16} aria-hidden />}
          onClick={() =>
            modals.open({
              title: words.addPool,
              children: <PoolDialog network={network} onDone={() => modals.closeAll()} />,
            })
          }
        >
          {words.addPool}
        </Button>
      }
    >
      {list.error ? (
        <Failed error={list.error} onRetry={() => void list.refetch()} />
      ) : !list.items ? (
        <Lines count={2} />
      ) : list.items.length === 0 ? (
        <Text size="sm" c="dimmed">
          {words.poolsNone}
        </Text>
      ) : (
        <Stack gap="sm">
          {list.items.map((one) => (
            <Card key={one.id} padding="sm" radius="md">
              <Group justify="space-between" wrap="nowrap" align="flex-start">
                <div style={{ flex: 1, minWidth: 0 }}>
                  <Group justify="space-between" gap="xs">
                    <Text fw={600} ff="monospace" size="sm">
                      {one.cidr}
                    </Text>
                    <Text size="xs" className="tnum">
                      {words.taken(f.whole(one.taken), f.whole(one.size))}
                    </Text>
                  </Group>
                  <Progress
                    size={6}
                    my={6}
                    value={one.size ? (one.taken / one.size) * 100 : 0}
                    aria-label={words.taken(String(one.taken), String(one.size))}
                  />
                  <Text size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
                    {one.first} – {one.last}
                    {one.gateway && ` · ${words.gateway} ${one.gateway}`}
                    {one.dns.length > 0 && ` · DNS ${one.dns.join(', ')}`}
                    {one.excluded.length > 0 && ` · ${words.without} ${one.excluded.join(', ')}`}
                  </Text>
                </div>
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  onClick={() => remove(one)}
                  aria-label={`${t.common.remove}: ${one.cidr}`}
                >
                  <IconTrash size={16} />
                </ActionIcon>
              </Group>
            </Card>
          ))}
        </Stack>
      )}
    </Section>
  )
}

function Addresses({ network }: { network: Network }) {
  const t = useT()
  const words = t.admin.stores
  const names = useInstanceNames()
  const list = usePages('listAddresses', network.id, (asked, signal) =>
    listAddresses({ path: { id: network.id }, query: asked, signal }),
  )
  const whose = (one: Reservation) =>
    one.instance_id ? (
      <LinkAnchor to="/instances/$id" params={{ id: one.instance_id }} size="sm">
        {names.get(one.instance_id) ?? one.instance_id}
      </LinkAnchor>
    ) : (
      <Text size="sm">{one.note}</Text>
    )
  const back = (one: Reservation) =>
    !one.instance_id && (
      <ActionIcon
        variant="subtle"
        color="gray"
        aria-label={`${words.giveBack}: ${one.address}`}
        onClick={() =>
          confirm({
            title: words.giveBackTitle(one.address),
            body: words.giveBackBody,
            label: words.giveBack,
            danger: false,
            extra: (
              <CommandHints
                hints={[{ method: 'DELETE', path: `/api/v1/networks/${network.id}/addresses/${one.address}` }]}
              />
            ),
            act: () =>
              giveAddressBack({ path: { id: network.id, address: one.address } }).then(() =>
                refetch('listAddresses', 'listPools'),
              ),
          })
        }
      >
        <IconTrash size={16} />
      </ActionIcon>
    )
  return (
    <Section
      title={words.addresses}
      about={words.addressesAbout}
      action={
        <Button
          variant="default"
          onClick={() =>
            modals.open({
              title: words.keep,
              children: <KeepDialog network={network} onDone={() => modals.closeAll()} />,
            })
          }
        >
          {words.keep}
        </Button>
      }
    >
      <ResourceTable
        label={words.addresses}
        {...list.table}
        rowHeight={52}
        id={(one) => one.address}
        columns={[
          { key: 'address', title: words.address, render: (one) => <Code>{one.address}</Code> },
          { key: 'whose', title: words.whose, render: whose },
          { key: 'since', title: words.since, from: 'md', render: (one) => <When at={one.created_at} size="sm" /> },
        ]}
        acts={back}
        card={(one) => (
          <Group justify="space-between" wrap="nowrap">
            <div>
              <Code>{one.address}</Code>
              {whose(one)}
            </div>
            {back(one)}
          </Group>
        )}
        empty={<Nothing icon={IconAddressBook} title={words.addressesNone} />}
      />
    </Section>
  )
}
