import { Code, Group, Select, Text, Tooltip } from '@mantine/core'
import { IconReceipt } from '@tabler/icons-react'
import { createFileRoute } from '@tanstack/react-router'
import * as v from 'valibot'
import type { Order, OrderState } from '~/api'
import { listOrders } from '~/api/gen/sdk.gen'
import { usePages } from '~/api/pages'
import { Credits } from '~/components/Credits'
import { LinkAnchor } from '~/components/links'
import { ResourceTable } from '~/components/ResourceTable'
import { Badge, type Tone } from '~/components/StatusBadge'
import { Nothing } from '~/components/states'
import { When } from '~/components/When'
import { useT } from '~/i18n'

const states = [
  'claimed',
  'refused',
  'settling',
  'paid',
  'delivered',
  'credited',
  'lapsed',
] as const satisfies OrderState[]
const tones: Record<OrderState, Tone> = {
  claimed: 'busy',
  refused: 'bad',
  settling: 'warn',
  paid: 'busy',
  delivered: 'good',
  credited: 'odd',
  lapsed: 'quiet',
}

export const Route = createFileRoute('/_app/admin/leases/orders')({
  validateSearch: v.object({ state: v.optional(v.picklist(states)) }),
  component: Orders,
})

function Orders() {
  const t = useT()
  const words = t.admin.sales
  const { state } = Route.useSearch()
  const navigate = Route.useNavigate()
  const list = usePages(
    'listOrders',
    undefined,
    (asked, signal) => listOrders({ query: { ...asked, ...(state ? { state } : {}) }, signal }),
    { filter: state },
  )
  const badge = (one: Order) => (
    <Badge tone={tones[one.state]} busy={one.state === 'settling' || one.state === 'claimed'}>
      {t.leases.orderStates[one.state]}
    </Badge>
  )
  const what = (one: Order) => (
    <LinkAnchor to="/leases/$id" params={{ id: one.lease_id }} size="sm" fw={550} c="inherit">
      {(words.kinds as Record<string, string>)[one.kind] ?? one.kind}
    </LinkAnchor>
  )
  const paid = (one: Order) =>
    one.network ? (
      <Text size="sm" component="div">
        {one.network}
        {one.transaction && (
          <Tooltip label={one.transaction} multiline maw={320} style={{ overflowWrap: 'anywhere' }}>
            <Code ml={6} tabIndex={0}>
              {one.transaction.slice(0, 10)}…
            </Code>
          </Tooltip>
        )}
      </Text>
    ) : (
      <Text size="sm" c="dimmed">
        {words.withCredits}
      </Text>
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
          void navigate({ search: { state: next === 'all' ? undefined : (next as OrderState) }, replace: true })
        }
        data={[
          { value: 'all', label: words.allStates },
          ...states.map((value) => ({ value, label: t.leases.orderStates[value] })),
        ]}
      />
      <ResourceTable
        label={words.orders}
        {...list.table}
        id={(one) => one.id}
        columns={[
          {
            key: 'what',
            title: words.what,
            render: (one) => (
              <>
                {what(one)}
                {one.problem && (
                  <Text size="xs" c="red" maw={300}>
                    {one.problem}
                  </Text>
                )}
              </>
            ),
          },
          {
            key: 'state',
            title: t.common.state,
            render: (one) => (
              <Tooltip label={words.orderHints[one.state]} multiline maw={280}>
                <span>{badge(one)}</span>
              </Tooltip>
            ),
          },
          { key: 'paid', title: words.paidBy, from: 'md', render: paid },
          {
            key: 'payer',
            title: t.leases.wallet,
            from: 'lg',
            render: (one) => (one.payer ? <Code>{one.payer.slice(0, 10)}…</Code> : '–'),
          },
          {
            key: 'price',
            title: t.leases.price,
            right: true,
            render: (one) => (
              <Text size="sm" component="div">
                <Credits micros={one.price_micros} exact />
              </Text>
            ),
          },
          {
            key: 'when',
            title: t.common.when,
            right: true,
            from: 'md',
            render: (one) => <When at={one.created_at} size="sm" />,
          },
        ]}
        card={(one) => (
          <>
            <Group justify="space-between" wrap="nowrap">
              {what(one)}
              {badge(one)}
            </Group>
            <Group justify="space-between" mt={4}>
              <Text size="sm" component="div">
                <Credits micros={one.price_micros} exact />
              </Text>
              <Text size="xs" c="dimmed">
                <When at={one.created_at} />
              </Text>
            </Group>
            {paid(one)}
            {one.problem && (
              <Text size="xs" c="red">
                {one.problem}
              </Text>
            )}
          </>
        )}
        empty={
          <Nothing
            icon={IconReceipt}
            title={words.ordersNone}
            unfilter={!!state && (() => void navigate({ search: {}, replace: true }))}
          />
        }
      />
    </>
  )
}
