import { Code, Group, Select, Text } from '@mantine/core'
import { IconTicket } from '@tabler/icons-react'
import { createFileRoute } from '@tanstack/react-router'
import * as v from 'valibot'
import type { Lease, LeaseState } from '~/api'
import { listLeases } from '~/api/gen/sdk.gen'
import { usePages } from '~/api/pages'
import { LinkAnchor } from '~/components/links'
import { ResourceTable } from '~/components/ResourceTable'
import { LeaseStatus } from '~/components/StatusBadge'
import { Nothing } from '~/components/states'
import { When } from '~/components/When'
import { SizeText } from '~/features/instances/SizeText'
import { useT } from '~/i18n'
import { useFormat } from '~/lib/format'

const states = ['making', 'active', 'expired', 'ending', 'ended', 'failed'] as const satisfies LeaseState[]

export const Route = createFileRoute('/_app/admin/leases/')({
  validateSearch: v.object({ state: v.optional(v.picklist(states)) }),
  component: List,
})

function List() {
  const t = useT()
  const f = useFormat()
  const words = t.admin.sales
  const { state } = Route.useSearch()
  const navigate = Route.useNavigate()
  const list = usePages(
    'listLeases',
    'all',
    (asked, signal) => listLeases({ query: { ...asked, ...(state ? { state } : {}) }, signal }),
    { filter: state },
  )
  const link = (one: Lease) => (
    <LinkAnchor to="/leases/$id" params={{ id: one.id }} size="sm" fw={550} c="inherit">
      {one.name}
    </LinkAnchor>
  )
  return (
    <>
      <Select
        mb="md"
        w={220}
        aria-label={t.common.state}
        allowDeselect={false}
        value={state ?? 'all'}
        onChange={(next) =>
          void navigate({ search: { state: next === 'all' ? undefined : (next as LeaseState) }, replace: true })
        }
        data={[
          { value: 'all', label: words.allStates },
          ...states.map((value) => ({ value, label: t.leases.states[value] })),
        ]}
      />
      <ResourceTable
        label={words.leasesTab}
        {...list.table}
        id={(one) => one.id}
        columns={[
          {
            key: 'name',
            title: t.common.name,
            render: (one) => (
              <>
                {link(one)}
                <Text size="xs" c="dimmed">
                  <SizeText size={one.size} />
                </Text>
              </>
            ),
          },
          { key: 'state', title: t.common.state, render: (one) => <LeaseStatus state={one.state} /> },
          {
            key: 'holder',
            title: words.holder,
            from: 'lg',
            render: (one) =>
              one.wallet ? (
                <Code>{one.wallet.slice(0, 10)}…</Code>
              ) : (
                <Text size="sm" c="dimmed">
                  {words.byAccount}
                </Text>
              ),
          },
          {
            key: 'address',
            title: t.instances.address,
            from: 'lg',
            render: (one) => (
              <Text size="sm" ff="monospace">
                {one.address ?? '–'}
              </Text>
            ),
          },
          {
            key: 'ends',
            title: t.leases.ends,
            render: (one) => <When at={one.ended_at ?? one.expires_at} size="sm" />,
          },
          {
            key: 'price',
            title: t.leases.price,
            right: true,
            from: 'md',
            render: (one) => (
              <Text size="sm" className="tnum">
                {f.fine(one.hourly_micros)} {t.common.perHour}
              </Text>
            ),
          },
        ]}
        card={(one) => (
          <>
            <Group justify="space-between" wrap="nowrap">
              {link(one)}
              <LeaseStatus state={one.state} />
            </Group>
            <Text size="sm" c="dimmed" mt={4}>
              <SizeText size={one.size} /> · {t.leases.ends} <When at={one.ended_at ?? one.expires_at} />
            </Text>
          </>
        )}
        empty={
          <Nothing
            icon={IconTicket}
            title={words.leasesNone}
            unfilter={!!state && (() => void navigate({ search: {}, replace: true }))}
          >
            {words.leasesHint}
          </Nothing>
        }
      />
    </>
  )
}
