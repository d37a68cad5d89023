import { Alert, Button, Group, NumberInput, Select, SimpleGrid, Stack, Text, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { notifications } from '@mantine/notifications'
import { IconExternalLink, IconGift } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import { type Currency, getPaymentOfferOptions, type Payment, type PaymentOffer, refetch } from '~/api'
import { beginPayment, listProjectPayments, postAdjustment, redeemVoucher } from '~/api/gen/sdk.gen'
import { usePages } from '~/api/pages'
import { CanButton } from '~/components/Can'
import { CommandHints } from '~/components/CommandHints'
import { LinkAnchor } from '~/components/links'
import { ResourceTable } from '~/components/ResourceTable'
import { Section } from '~/components/Section'
import { PaymentStatus } from '~/components/StatusBadge'
import { Answered, Nothing } from '~/components/states'
import { When } from '~/components/When'
import { useT } from '~/i18n'
import { useAct } from '~/lib/act'
import { MICROS, useFormat } from '~/lib/format'
import { useIsAdmin, useMayChange } from '~/lib/me'
import { atField, useProblemText } from '~/lib/problems'

export const Route = createFileRoute('/_app/projects/$id/credits/top-up')({ component: TopUp })

const stale = ['getBalance', 'listLedger', 'listProjectPayments']

function TopUp() {
  const t = useT()
  const { id } = Route.useParams()
  const admin = useIsAdmin()
  const offer = useQuery({ ...getPaymentOfferOptions(), staleTime: 300_000 })
  return (
    <Stack>
      <SimpleGrid cols={{ base: 1, lg: 2 }}>
        <Section title={t.credits.topUp} about={t.credits.topUpAbout}>
          <Answered query={offer} lines={2}>
            {(offered) =>
              offered.enabled ? (
                <Buy offer={offered} />
              ) : (
                <Text size="sm" c="dimmed">
                  {t.credits.payOff}
                </Text>
              )
            }
          </Answered>
        </Section>
        <Voucher />
      </SimpleGrid>
      <Payments />
      {admin && <Adjust key={id} />}
    </Stack>
  )
}

function Buy({ offer }: { offer: PaymentOffer }) {
  const t = useT()
  const f = useFormat()
  const words = t.credits
  const { id } = Route.useParams()
  const mayNot = useMayChange(id)
  const text = useProblemText()
  const form = useForm({
    initialValues: {
      credits: Math.max(offer.least_credits, 10) as number | string,
      currency: offer.credit_price[0]?.currency ?? 'EUR',
      provider: offer.providers[0] ?? 'stripe',
    },
  })
  const { credits, currency, provider } = form.values
  const price = offer.credit_price.find((one) => one.currency === currency)
  const body = {
    credits: Number(credits),
    currency,
    provider,
  }
  const buy = useAct(() => beginPayment({ path: { id }, body }), {
    stale,
    quiet: true,
    onDone: (payment) => {
      if (payment.redirect_url) location.assign(payment.redirect_url)
    },
  })
  return (
    <form
      onSubmit={form.onSubmit(() =>
        buy.mutate(undefined, {
          onError: (error) =>
            atField(form, error, text(error)) || notifications.show({ color: 'red', message: text(error) }),
        }),
      )}
    >
      <Stack>
        <SimpleGrid cols={{ base: 1, xs: 3 }}>
          <NumberInput
            label={words.howMany}
            min={offer.least_credits}
            max={offer.most_credits}
            allowDecimal={false}
            {...form.getInputProps('credits')}
          />
          <Select
            label={words.currency}
            allowDeselect={false}
            data={offer.credit_price.map((one) => one.currency)}
            value={currency}
            onChange={(next) => form.setFieldValue('currency', next as Currency)}
          />
          <Select
            label={words.provider}
            allowDeselect={false}
            data={offer.providers.map((one) => ({ value: one, label: words.providers[one] }))}
            {...form.getInputProps('provider')}
          />
        </SimpleGrid>
        <Text size="xs" c="dimmed">
          {words.between(f.whole(offer.least_credits), f.whole(offer.most_credits))}
        </Text>
        <Group justify="space-between">
          <div>
            <Text size="xs" c="dimmed">
              {words.toPay}
            </Text>
            <Text fw={650} fz="lg" className="tnum">
              {price ? f.money(price.minor * Number(credits), price.currency) : '–'}
            </Text>
          </div>
          <CanButton
            type="submit"
            why={mayNot}
            loading={buy.isPending}
            rightSection={<IconExternalLink size={16} aria-hidden />}
          >
            {words.goPay}
          </CanButton>
        </Group>
        <CommandHints
          hints={[
            {
              cli: `innkeeper payment buy ${credits} --currency ${currency}`,
              path: `/api/v1/projects/${id}/payments`,
              body,
            },
          ]}
        />
      </Stack>
    </form>
  )
}

function Voucher() {
  const t = useT()
  const f = useFormat()
  const words = t.credits
  const { id } = Route.useParams()
  const mayNot = useMayChange(id)
  const text = useProblemText()
  const form = useForm({ initialValues: { code: '' } })
  const redeem = useAct(() => redeemVoucher({ path: { id }, body: { code: form.values.code.trim() } }), {
    stale,
    quiet: true,
    done: (answer) => words.redeemed(f.credits(answer.credits_micros)),
    onDone: () => form.reset(),
  })
  return (
    <Section title={words.voucher} about={words.voucherAbout}>
      <form
        onSubmit={form.onSubmit(() =>
          redeem.mutate(undefined, { onError: (error) => form.setFieldError('code', text(error)) }),
        )}
      >
        <Stack>
          <Group align="flex-start" gap="sm" wrap="nowrap">
            <TextInput
              flex={1}
              aria-label={words.code}
              placeholder={words.code}
              autoCapitalize="characters"
              autoComplete="off"
              leftSection={<IconGift size={16} aria-hidden />}
              {...form.getInputProps('code')}
            />
            <CanButton
              type="submit"
              why={mayNot}
              variant="default"
              loading={redeem.isPending}
              disabled={!form.values.code.trim()}
            >
              {words.redeem}
            </CanButton>
          </Group>
          <CommandHints
            hints={[
              {
                cli: 'innkeeper credits redeem CODE',
                path: `/api/v1/projects/${id}/vouchers`,
                body: { code: form.values.code || 'CODE' },
              },
            ]}
          />
        </Stack>
      </form>
    </Section>
  )
}

function Payments() {
  const t = useT()
  const f = useFormat()
  const words = t.credits
  const { id } = Route.useParams()
  const list = usePages('listProjectPayments', id, (asked, signal) =>
    listProjectPayments({ path: { id }, query: asked, signal }),
  )
  const more = (one: Payment) =>
    one.state === 'open' && one.redirect_url ? (
      <Button component="a" href={one.redirect_url} size="compact-sm" variant="default">
        {words.goOnPaying}
      </Button>
    ) : null
  return (
    <div>
      <Text fw={600} mb="sm">
        {words.payments}
      </Text>
      <ResourceTable
        label={words.payments}
        {...list.table}
        id={(one) => one.id}
        rowHeight={52}
        columns={[
          {
            key: 'amount',
            title: words.amount,
            render: (one) => (
              <LinkAnchor to="/wallet" search={{ payment: one.id }} size="sm" c="inherit" fw={550}>
                {f.money(one.amount.minor, one.amount.currency)}
              </LinkAnchor>
            ),
          },
          {
            key: 'credits',
            title: words.howMany,
            right: true,
            render: (one) => (
              <Text size="sm" className="tnum">
                {f.credits(one.credits_micros)}
              </Text>
            ),
          },
          { key: 'state', title: t.common.state, render: (one) => <PaymentStatus state={one.state} /> },
          {
            key: 'provider',
            title: words.provider,
            from: 'md',
            render: (one) => <Text size="sm">{words.providers[one.provider]}</Text>,
          },
          { key: 'when', title: t.common.when, render: (one) => <When at={one.created_at} size="sm" /> },
        ]}
        acts={more}
        card={(one) => (
          <>
            <Group justify="space-between">
              <LinkAnchor to="/wallet" search={{ payment: one.id }} c="inherit" fw={600}>
                {f.money(one.amount.minor, one.amount.currency)}
              </LinkAnchor>
              <PaymentStatus state={one.state} />
            </Group>
            <Group justify="space-between" mt={4}>
              <Text size="sm" c="dimmed">
                {words.providers[one.provider]} · <When at={one.created_at} />
              </Text>
              {more(one)}
            </Group>
          </>
        )}
        empty={<Nothing icon={IconGift} title={words.paymentsNone} />}
      />
    </div>
  )
}

/** For administrators: gifts and corrections. */
function Adjust() {
  const t = useT()
  const words = t.credits
  const text = useProblemText()
  const { id } = Route.useParams()
  const form = useForm({
    initialValues: { kind: 'grant' as 'grant' | 'correction', amount: '' as number | string, reason: '' },
  })
  const body = {
    kind: form.values.kind,
    amount_micros: Math.round(Number(form.values.amount) * MICROS),
    reason: form.values.reason,
  }
  const post = useAct(() => postAdjustment({ path: { id }, body }), {
    quiet: true,
    done: words.adjusted,
    onDone: () => {
      form.reset()
      void refetch(...stale)
    },
  })
  return (
    <Section title={words.adjust} about={words.adjustAbout}>
      <form onSubmit={form.onSubmit(() => post.mutate(undefined))}>
        <Stack>
          {post.error != null && <Alert color="red">{text(post.error)}</Alert>}
          <SimpleGrid cols={{ base: 1, sm: 3 }}>
            <Select
              label={words.adjustKind}
              allowDeselect={false}
              data={(['grant', 'correction'] as const).map((value) => ({ value, label: words.causes[value] }))}
              {...form.getInputProps('kind')}
            />
            <NumberInput
              label={words.adjustAmount}
              decimalScale={6}
              required
              withAsterisk={false}
              {...form.getInputProps('amount')}
            />
            <TextInput label={words.adjustReason} required withAsterisk={false} {...form.getInputProps('reason')} />
          </SimpleGrid>
          <Group justify="flex-end">
            <Button type="submit" variant="default" loading={post.isPending}>
              {words.adjust}
            </Button>
          </Group>
          <CommandHints
            hints={[
              {
                cli: `innkeeper credits ${form.values.kind === 'grant' ? 'give' : 'correct'} ${id} ${form.values.amount || '5'} --reason '${form.values.reason}'`,
                path: `/api/v1/projects/${id}/adjustments`,
                body,
              },
            ]}
          />
        </Stack>
      </form>
    </Section>
  )
}
