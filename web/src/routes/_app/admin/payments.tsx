import { Alert, Code, Drawer, Group, Stack, Text } from '@mantine/core'
import { modals } from '@mantine/modals'
import { IconAlertTriangle, IconArrowBackUp, IconCreditCard, IconEye } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import * as v from 'valibot'
import { getPaymentOfferOptions, getPaymentOptions, type Payment } from '~/api'
import { listPayments, listRefunds } from '~/api/gen/sdk.gen'
import { usePages } from '~/api/pages'
import { CanButton } from '~/components/Can'
import { Credits } from '~/components/Credits'
import { Facts } from '~/components/Facts'
import { LinkAnchor } from '~/components/links'
import { PageHeader } from '~/components/PageHeader'
import { ResourceTable } from '~/components/ResourceTable'
import { Section } from '~/components/Section'
import { Badge, PaymentStatus } from '~/components/StatusBadge'
import { Answered, Nothing } from '~/components/states'
import { When } from '~/components/When'
import { OneOf } from '~/features/admin/Filter'
import { useProjectNames, useUserNames } from '~/features/admin/names'
import { RefundDialog } from '~/features/admin/RefundDialog'
import { RowActions } from '~/features/admin/RowActions'
import { useT } from '~/i18n'
import { useFormat } from '~/lib/format'
import { useIsAdmin } from '~/lib/me'

const states = ['open', 'pending', 'paid', 'failed', 'expired', 'disputed'] as const

export const Route = createFileRoute('/_app/admin/payments')({
  validateSearch: v.object({ state: v.optional(v.picklist(states)), payment: v.optional(v.string()) }),
  component: Payments,
})

const refund = (payment: Payment, title: string) =>
  modals.open({ title, children: <RefundDialog payment={payment} onDone={() => modals.closeAll()} /> })

function useRefundWhy() {
  const t = useT()
  const admin = useIsAdmin()
  return (payment: Payment) => {
    if (!admin) return t.admin.adminsOnly
    if (payment.state !== 'paid') return t.admin.sales.notPaid
    return payment.refunded.minor >= payment.amount.minor ? t.admin.sales.allBack : undefined
  }
}

function Payments() {
  const t = useT()
  const f = useFormat()
  const words = t.admin.sales
  const why = useRefundWhy()
  const { state, payment } = Route.useSearch()
  const navigate = Route.useNavigate()
  const projects = useProjectNames()
  const { data: offer } = useQuery(getPaymentOfferOptions())
  const list = usePages(
    'listPayments',
    undefined,
    (asked, signal) => listPayments({ query: { ...asked, ...(state ? { state } : {}) }, signal }),
    { filter: state },
  )
  const open = (id: string | undefined) =>
    void navigate({ search: (before) => ({ ...before, payment: id }), replace: id === undefined })
  const money = (one: Payment) => (
    <Text size="sm" className="tnum" fw={550}>
      {f.money(one.amount.minor, one.amount.currency)}
    </Text>
  )
  const menu = (one: Payment) => (
    <RowActions
      name={projects.get(one.project_id) ?? one.id}
      deeds={[
        { id: 'see', label: words.see, icon: IconEye, run: () => open(one.id) },
        {
          id: 'refund',
          label: words.refund,
          icon: IconArrowBackUp,
          danger: true,
          why: why(one),
          run: () => refund(one, words.refundTitle),
        },
      ]}
    />
  )
  return (
    <>
      <PageHeader title={words.payments} sub={words.paymentsSub} />
      {offer && !offer.enabled && (
        <Alert className="notice" color="indigo" mb="md">
          {words.payOff}
        </Alert>
      )}
      <Group mb="md">
        <OneOf
          label={t.common.state}
          value={state}
          names={t.credits.paymentStates}
          onChange={(next) => void navigate({ search: { state: next }, replace: true })}
        />
      </Group>
      <ResourceTable
        label={words.payments}
        {...list.table}
        id={(one) => one.id}
        columns={[
          {
            key: 'project',
            title: words.project,
            render: (one) => (
              <>
                <LinkAnchor to="/projects/$id/credits" params={{ id: one.project_id }} size="sm" fw={550} c="inherit">
                  {projects.get(one.project_id) ?? one.project_id.slice(0, 12)}
                </LinkAnchor>
                <Text size="xs" c="dimmed">
                  {t.credits.providers[one.provider]}
                </Text>
              </>
            ),
          },
          { key: 'state', title: t.common.state, render: (one) => <PaymentStatus state={one.state} /> },
          { key: 'amount', title: words.amount, right: true, render: money },
          {
            key: 'credits',
            title: t.credits.title,
            right: true,
            from: 'md',
            render: (one) => (
              <Text size="sm" component="div">
                <Credits micros={one.credits_micros} />
              </Text>
            ),
          },
          {
            key: 'back',
            title: t.credits.refunded,
            right: true,
            from: 'lg',
            render: (one) => (
              <Text size="sm" className="tnum" c={one.refunded.minor ? undefined : 'dimmed'}>
                {one.refunded.minor ? f.money(one.refunded.minor, one.refunded.currency) : '–'}
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
        acts={menu}
        card={(one) => (
          <>
            <Group justify="space-between" wrap="nowrap">
              <Text fw={600}>{projects.get(one.project_id)}</Text>
              {menu(one)}
            </Group>
            <Group justify="space-between" mt={4}>
              <PaymentStatus state={one.state} />
              {money(one)}
            </Group>
          </>
        )}
        empty={
          <Nothing
            icon={IconCreditCard}
            title={words.paymentsNone}
            unfilter={!!state && (() => void navigate({ search: {}, replace: true }))}
          />
        }
      />
      <Drawer
        opened={payment !== undefined}
        onClose={() => open(undefined)}
        position="right"
        size="md"
        title={words.payment}
      >
        {payment && <One id={payment} />}
      </Drawer>
    </>
  )
}

function One({ id }: { id: string }) {
  const t = useT()
  const f = useFormat()
  const words = t.admin.sales
  const why = useRefundWhy()
  const people = useUserNames()
  const query = useQuery(getPaymentOptions({ path: { id } }))
  const refunds = usePages('listRefunds', id, (asked, signal) => listRefunds({ path: { id }, query: asked, signal }))
  return (
    <Answered query={query}>
      {(one) => (
        <Stack>
          {one.problem && (
            <Alert color="red" className="notice" icon={<IconAlertTriangle aria-hidden />}>
              {one.problem}
            </Alert>
          )}
          <Facts
            items={[
              [t.common.state, <PaymentStatus key="state" state={one.state} />],
              [words.amount, f.money(one.amount.minor, one.amount.currency)],
              [t.credits.title, <Credits key="credits" micros={one.credits_micros} />],
              [t.credits.refunded, f.money(one.refunded.minor, one.refunded.currency)],
              [t.credits.provider, t.credits.providers[one.provider]],
              [words.reference, one.reference && <Code>{one.reference}</Code>],
              [words.askedBy, one.asked_by && people.get(one.asked_by)],
              [t.common.when, <When key="when" at={one.created_at} />],
              [words.paidAt, one.paid_at && <When at={one.paid_at} />],
              [t.projects.id, <Code key="id">{one.id}</Code>],
            ]}
          />
          <CanButton
            variant="light"
            color="red"
            why={why(one)}
            onClick={() => refund(one, words.refundTitle)}
            leftSection={<IconArrowBackUp size={16} aria-hidden />}
          >
            {words.refund}
          </CanButton>
          <Section title={t.credits.refunds} padding="md">
            {refunds.items?.length ? (
              refunds.items.map((back) => (
                <div key={back.id} className="line" style={{ paddingBlock: 8 }}>
                  <Group justify="space-between">
                    <Text size="sm" fw={550} className="tnum">
                      {f.money(back.amount.minor, back.amount.currency)}
                    </Text>
                    <Badge
                      tone={back.state === 'done' ? 'good' : back.state === 'failed' ? 'bad' : 'busy'}
                      busy={back.state === 'pending'}
                    >
                      {t.credits.refundStates[back.state]}
                    </Badge>
                  </Group>
                  <Text size="xs" c="dimmed">
                    {back.reason} · <When at={back.created_at} />
                    {back.by && ` · ${people.get(back.by) ?? ''}`}
                  </Text>
                  {back.problem && (
                    <Text size="xs" c="red">
                      {back.problem}
                    </Text>
                  )}
                </div>
              ))
            ) : (
              <Text size="sm" c="dimmed">
                {words.refundsNone}
              </Text>
            )}
          </Section>
        </Stack>
      )}
    </Answered>
  )
}
