import { Group, Select, Text } from '@mantine/core'
import { IconReceipt } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import * as v from 'valibot'
import { type Cause, getOrderOptions, type LedgerEntry } from '~/api'
import { listLedger } from '~/api/gen/sdk.gen'
import { usePages } from '~/api/pages'
import { Credits } from '~/components/Credits'
import { LinkAnchor } from '~/components/links'
import { ResourceTable } from '~/components/ResourceTable'
import { Nothing } from '~/components/states'
import { When } from '~/components/When'
import { useInstanceNames } from '~/features/instances/queries'
import { useT } from '~/i18n'

const causes = [
  'grant',
  'correction',
  'hold',
  'release',
  'charge',
  'payment',
  'voucher',
  'refund',
  'lease',
] as const satisfies Cause[]

export const Route = createFileRoute('/_app/projects/$id/credits/')({
  validateSearch: v.object({ cause: v.optional(v.picklist(causes)) }),
  component: Ledger,
})

function Ledger() {
  const t = useT()
  const words = t.credits
  const { id } = Route.useParams()
  const { cause } = Route.useSearch()
  const navigate = Route.useNavigate()
  const list = usePages(
    'listLedger',
    id,
    (asked, signal) => listLedger({ path: { id }, query: { ...asked, ...(cause ? { cause } : {}) }, signal }),
    { filter: cause },
  )
  return (
    <>
      <Group mb="sm" justify="space-between">
        <Text size="sm" c="dimmed">
          {words.ledgerAbout}
        </Text>
        <Select
          w={190}
          aria-label={words.cause}
          clearable
          placeholder={words.anyCause}
          data={causes.map((value) => ({ value, label: words.causes[value] }))}
          value={cause ?? null}
          onChange={(next) =>
            void navigate({ search: { cause: (next as Cause) ?? undefined }, replace: true, resetScroll: false })
          }
        />
      </Group>
      <ResourceTable
        label={words.ledger}
        {...list.table}
        id={(one) => one.id}
        rowHeight={57}
        columns={[
          {
            key: 'cause',
            title: words.cause,
            render: (one) => (
              <>
                <Text size="sm" fw={550}>
                  {words.causes[one.cause]}
                </Text>
                <Source one={one} />
              </>
            ),
          },
          { key: 'when', title: t.common.when, render: (one) => <When at={one.at} size="sm" /> },
          {
            key: 'held',
            title: words.toHeld,
            right: true,
            from: 'md',
            render: (one) => <Amount micros={one.held_micros} quiet />,
          },
          { key: 'wallet', title: words.wallet, right: true, render: (one) => <Amount micros={one.wallet_micros} /> },
        ]}
        card={(one) => (
          <>
            <Group justify="space-between" wrap="nowrap">
              <Text size="sm" fw={550}>
                {words.causes[one.cause]}
              </Text>
              <Amount micros={one.wallet_micros} />
            </Group>
            <Group justify="space-between" wrap="nowrap">
              <Source one={one} />
              <Text size="xs" c="dimmed">
                <When at={one.at} />
              </Text>
            </Group>
          </>
        )}
        empty={
          <Nothing
            icon={IconReceipt}
            title={words.empty}
            unfilter={!!cause && (() => void navigate({ search: {}, replace: true, resetScroll: false }))}
          />
        }
      />
    </>
  )
}

function Amount({ micros, quiet }: { micros: number; quiet?: boolean }) {
  if (micros === 0)
    return (
      <Text span size="sm" c="dimmed">
        –
      </Text>
    )
  return <Credits micros={micros} signed size="sm" fw={quiet ? undefined : 550} c={quiet ? 'dimmed' : undefined} />
}

/** Where an entry came from, as a link wherever there is a page of it. */
function Source({ one }: { one: LedgerEntry }) {
  const { id } = Route.useParams()
  const names = useInstanceNames()
  const { cause_id: source, memo } = one
  const instance = /ins_[0-9a-f]{32}/.exec(source)?.[0]
  const payment = /pay_[0-9a-f]{32}/.exec(source)?.[0]
  const lease = /lea_[0-9a-f]{32}/.exec(source)?.[0]
  const order = /ord_[0-9a-f]{32}/.exec(source)?.[0]
  return (
    <Text size="xs" c="dimmed" lineClamp={1}>
      {instance ? (
        <LinkAnchor to="/instances/$id/cost" params={{ id: instance }} inherit>
          {names.get(instance) ?? instance}
        </LinkAnchor>
      ) : payment ? (
        <LinkAnchor to="/wallet" search={{ payment }} inherit>
          {payment}
        </LinkAnchor>
      ) : lease ? (
        <LinkAnchor to="/leases/$id" params={{ id: lease }} inherit>
          {lease}
        </LinkAnchor>
      ) : order ? (
        <Ordered id={order} memo={memo} />
      ) : (
        (memo ?? (source !== id ? source : ''))
      )}
      {memo && (instance || payment || lease) ? ` · ${memo}` : ''}
    </Text>
  )
}

/** The lease that an order was for, by its name. */
function Ordered({ id, memo }: { id: string; memo: string | null | undefined }) {
  const { data } = useQuery({ ...getOrderOptions({ path: { id } }), staleTime: 300_000, retry: false })
  const leaseId = data?.order.lease_id
  if (!leaseId) return memo ?? id
  return (
    <LinkAnchor to="/leases/$id" params={{ id: leaseId }} inherit>
      {data.lease?.name ?? memo ?? id}
    </LinkAnchor>
  )
}
