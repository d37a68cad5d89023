import { Group, Select, SimpleGrid, Skeleton, Stack, Table, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import { lazy, Suspense, useMemo } from 'react'
import * as v from 'valibot'
import { type Finance, getFinanceOptions, type HouseAccount } from '~/api'
import { CommandHints } from '~/components/CommandHints'
import { Credits } from '~/components/Credits'
import { PageHeader } from '~/components/PageHeader'
import { Section } from '~/components/Section'
import { PaymentStatus } from '~/components/StatusBadge'
import { Answered } from '~/components/states'
import { Stat } from '~/features/admin/Stat'
import { useT } from '~/i18n'
import { useFormat } from '~/lib/format'

const TimeChart = lazy(() => import('~/components/TimeChart'))
const DAY = 86_400_000
const spans = [7, 30, 90, 365] as const
const charted = ['revenue', 'leases', 'payments', 'grants'] as const satisfies HouseAccount[]

export const Route = createFileRoute('/_app/admin/finance')({
  validateSearch: v.object({ days: v.optional(v.picklist(spans)) }),
  component: FinancePage,
})

function FinancePage() {
  const t = useT()
  const words = t.admin.finance
  const { days = 30 } = Route.useSearch()
  const navigate = Route.useNavigate()
  // To whole days, so that the question stays the same until midnight.
  const until = useMemo(() => Math.ceil(Date.now() / DAY) * DAY, [])
  const from = new Date(until - days * DAY).toISOString()
  const query = useQuery(getFinanceOptions({ query: { from } }))
  return (
    <>
      <PageHeader title={words.title} sub={words.sub}>
        <Select
          w={170}
          aria-label={words.span}
          allowDeselect={false}
          value={String(days)}
          onChange={(next) => void navigate({ search: { days: Number(next) as 30 }, replace: true })}
          data={spans.map((value) => ({ value: String(value), label: words.spans[value] }))}
        />
      </PageHeader>
      <Answered query={query} lines={8}>
        {(finance) => (
          <Stack>
            <Shown finance={finance} days={days} until={until} />
            <CommandHints hints={[{ cli: 'innkeeper finance', method: 'GET', path: `/api/v1/finance?from=${from}` }]} />
          </Stack>
        )}
      </Answered>
    </>
  )
}

function Shown({ finance, days, until }: { finance: Finance; days: number; until: number }) {
  const t = useT()
  const f = useFormat()
  const words = t.admin.finance
  return (
    <>
      <SimpleGrid cols={{ base: 2, md: 4 }}>
        <Stat name={words.revenue} value={<Credits micros={finance.revenue_micros} />} hint={words.revenueHint} />
        <Stat
          name={t.admin.overview.outstanding}
          value={<Credits micros={finance.outstanding_micros} />}
          hint={words.outstandingHint}
        />
        <Stat name={t.credits.held} value={<Credits micros={finance.held_micros} />} hint={words.heldHint} />
        <Stat name={t.admin.overview.owed} value={<Credits micros={finance.owed_micros} />} hint={words.owedHint} />
      </SimpleGrid>
      <SimpleGrid cols={{ base: 1, md: 2 }}>
        {charted.map((account) => (
          <Section key={account} title={words.accounts[account]} about={words.byDay}>
            <ByDay finance={finance} account={account} days={days} until={until} />
          </Section>
        ))}
      </SimpleGrid>
      <SimpleGrid cols={{ base: 1, md: 2 }}>
        <Section title={words.ledger} about={words.ledgerAbout}>
          {finance.accounts.length === 0 ? (
            <Text size="sm" c="dimmed">
              {t.credits.empty}
            </Text>
          ) : (
            finance.accounts.map((one) => (
              <Group key={one.account} justify="space-between" className="line" py={9}>
                <Text size="sm">{words.accounts[one.account]}</Text>
                <Text size="sm" fw={550} component="div">
                  <Credits micros={one.credits_micros} signed />
                </Text>
              </Group>
            ))
          )}
        </Section>
        <Section title={t.admin.sales.payments} about={words.paymentsAbout}>
          {finance.payments.length === 0 ? (
            <Text size="sm" c="dimmed">
              {t.admin.sales.paymentsNone}
            </Text>
          ) : (
            <Table aria-label={t.admin.sales.payments}>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>{t.common.state}</Table.Th>
                  <Table.Th ta="right">{words.count}</Table.Th>
                  <Table.Th ta="right">{t.admin.sales.amount}</Table.Th>
                  <Table.Th ta="right">{t.credits.refunded}</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {finance.payments.map((one) => (
                  <Table.Tr key={`${one.currency}${one.state}`}>
                    <Table.Td>
                      <PaymentStatus state={one.state} />
                    </Table.Td>
                    <Table.Td ta="right" className="tnum">
                      {f.whole(one.count)}
                    </Table.Td>
                    <Table.Td ta="right" className="tnum">
                      {f.money(one.amount_minor, one.currency)}
                    </Table.Td>
                    <Table.Td ta="right" className="tnum">
                      {f.money(one.refunded_minor, one.currency)}
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          )}
        </Section>
      </SimpleGrid>
    </>
  )
}

/** What an account gained by day, above zero also for those from which credits come. */
function ByDay({
  finance,
  account,
  days,
  until,
}: {
  finance: Finance
  account: HouseAccount
  days: number
  until: number
}) {
  const words = useT().admin.finance
  const f = useFormat()
  const { times, values } = useMemo(() => {
    const gained = new Map(
      finance.by_day.filter((one) => one.account === account).map((one) => [Date.parse(one.day), one.credits_micros]),
    )
    const at = Array.from({ length: days }, (_, n) => until - (days - n) * DAY)
    return { times: at.map((day) => day / 1000), values: at.map((day) => Math.abs(gained.get(day) ?? 0) / 1e6) }
  }, [finance.by_day, account, days, until])
  const show = useMemo(() => (value: number) => f.credits(value * 1e6), [f])
  return (
    <Suspense fallback={<Skeleton h={170} />}>
      <TimeChart times={times} values={values} label={words.accounts[account]} show={show} bars height={170} by="day" />
    </Suspense>
  )
}
