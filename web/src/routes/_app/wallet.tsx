import { Alert, Button, Stack, Text } from '@mantine/core'
import { IconCircleCheck, IconClock, IconReceipt } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute, redirect } from '@tanstack/react-router'
import * as v from 'valibot'
import { getMeOptions, getPaymentOptions, type Payment } from '~/api'
import { listRefunds } from '~/api/gen/sdk.gen'
import { usePages } from '~/api/pages'
import { Credits } from '~/components/Credits'
import { Facts } from '~/components/Facts'
import { LinkButton } from '~/components/links'
import { PageHeader } from '~/components/PageHeader'
import { Section } from '~/components/Section'
import { PaymentStatus } from '~/components/StatusBadge'
import { Answered } from '~/components/states'
import { When } from '~/components/When'
import { useT } from '~/i18n'
import { useFormat } from '~/lib/format'

/** A payment. Providers send the browser back here. */
export const Route = createFileRoute('/_app/wallet')({
  validateSearch: v.object({ payment: v.optional(v.string()), back: v.optional(v.picklist(['paid', 'cancelled'])) }),
  beforeLoad: async ({ context, search }) => {
    if (search.payment) return
    const me = await context.queryClient.ensureQueryData(getMeOptions())
    throw redirect({ to: '/projects/$id/credits', params: { id: me.user.personal_project } })
  },
  component: Wallet,
})

function Wallet() {
  const t = useT()
  const { payment: id = '', back } = Route.useSearch()
  const query = useQuery({
    ...getPaymentOptions({ path: { id } }),
    refetchInterval: ({ state }) => (state.data && ['open', 'pending'].includes(state.data.state) ? 3000 : false),
  })
  return (
    <>
      <PageHeader title={t.credits.payment} />
      <Answered query={query}>{(payment) => <Shown payment={payment} back={back} />}</Answered>
    </>
  )
}

function Shown({ payment, back }: { payment: Payment; back: 'paid' | 'cancelled' | undefined }) {
  const t = useT()
  const f = useFormat()
  const words = t.credits
  const refunds = usePages('listRefunds', payment.id, (asked, signal) =>
    listRefunds({ path: { id: payment.id }, query: asked, signal }),
  )
  const waiting = payment.state === 'open' || payment.state === 'pending'
  return (
    <Stack maw={720}>
      {payment.state === 'paid' && back && (
        <Alert color="teal" className="notice" icon={<IconCircleCheck aria-hidden />} role="status">
          {words.thanks}
        </Alert>
      )}
      {waiting && back && (
        <Alert color="yellow" className="notice" icon={<IconClock aria-hidden />} role="status">
          {back === 'paid' ? words.waiting : words.cancelled}
        </Alert>
      )}
      <Section
        title={f.money(payment.amount.minor, payment.amount.currency)}
        action={
          <>
            {payment.state === 'open' && payment.redirect_url && (
              <Button component="a" href={payment.redirect_url}>
                {words.goOnPaying}
              </Button>
            )}
            <LinkButton
              to="/projects/$id/credits"
              params={{ id: payment.project_id }}
              variant="default"
              leftSection={<IconReceipt size={16} aria-hidden />}
            >
              {words.toCredits}
            </LinkButton>
          </>
        }
      >
        <Facts
          items={[
            [t.common.state, <PaymentStatus key="state" state={payment.state} />],
            [words.howMany, <Credits key="credits" micros={payment.credits_micros} />],
            [words.provider, words.providers[payment.provider]],
            [t.common.when, <When key="when" at={payment.created_at} />],
            [words.refunded, payment.refunded.minor > 0 && f.money(payment.refunded.minor, payment.refunded.currency)],
            [t.instances.overview.problem, payment.problem],
          ]}
        />
      </Section>
      {refunds.items && refunds.items.length > 0 && (
        <Section title={words.refunds}>
          {refunds.items.map((one) => (
            <Text key={one.id} size="sm">
              {f.money(one.amount.minor, one.amount.currency)} · {words.refundStates[one.state]} · {one.reason} ·{' '}
              <When at={one.created_at} />
            </Text>
          ))}
        </Section>
      )}
    </Stack>
  )
}
