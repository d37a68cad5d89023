import { Code, Group, NumberInput, Text, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { modals } from '@mantine/modals'
import { IconGift, IconPlus, IconTicketOff } from '@tabler/icons-react'
import { createFileRoute } from '@tanstack/react-router'
import { refetch, type Voucher } from '~/api'
import { createVouchers, listVouchers, withdrawVoucher } from '~/api/gen/sdk.gen'
import { usePages } from '~/api/pages'
import { CanButton } from '~/components/Can'
import { CommandHints } from '~/components/CommandHints'
import { Credits } from '~/components/Credits'
import { confirm } from '~/components/confirm'
import { DialogForm } from '~/components/DialogForm'
import { PageHeader } from '~/components/PageHeader'
import { ResourceTable } from '~/components/ResourceTable'
import { showSecret } from '~/components/SecretOnce'
import { Badge } from '~/components/StatusBadge'
import { Nothing } from '~/components/states'
import { When } from '~/components/When'
import { RowActions } from '~/features/admin/RowActions'
import { useT } from '~/i18n'
import { MICROS, useFormat } from '~/lib/format'
import { useIsAdmin } from '~/lib/me'
import { atField } from '~/lib/problems'
import { shellWord } from '~/lib/words'

export const Route = createFileRoute('/_app/admin/vouchers')({ component: Vouchers })

const over = (one: Voucher) => !!one.expires_at && Date.parse(one.expires_at) < Date.now()

function Vouchers() {
  const t = useT()
  const f = useFormat()
  const words = t.admin.gifts
  const admin = useIsAdmin()
  const list = usePages('listVouchers', undefined, (asked, signal) => listVouchers({ query: asked, signal }), {
    enabled: admin,
  })
  const make = (
    <CanButton
      why={admin ? undefined : t.admin.adminsOnly}
      leftSection={<IconPlus size={16} aria-hidden />}
      onClick={() => modals.open({ title: words.make, children: <MakeDialog /> })}
    >
      {words.make}
    </CanButton>
  )
  const state = (one: Voucher) =>
    one.withdrawn_at ? (
      <Badge tone="bad">{words.withdrawn}</Badge>
    ) : over(one) ? (
      <Badge tone="quiet">{words.expired}</Badge>
    ) : one.used >= one.uses ? (
      <Badge tone="quiet">{words.usedUp}</Badge>
    ) : (
      <Badge tone="good">{words.good}</Badge>
    )
  const menu = (one: Voucher) => (
    <RowActions
      name={`…${one.hint}`}
      deeds={[
        {
          id: 'withdraw',
          label: words.withdraw,
          icon: IconTicketOff,
          danger: true,
          why: one.withdrawn_at ? words.withdrawn : undefined,
          run: () =>
            confirm({
              title: words.withdrawTitle(one.hint),
              body: words.withdrawBody,
              label: words.withdraw,
              extra: (
                <CommandHints
                  hints={[
                    {
                      cli: `innkeeper voucher withdraw ${one.id}`,
                      method: 'DELETE',
                      path: `/api/v1/vouchers/${one.id}`,
                    },
                  ]}
                />
              ),
              act: () => withdrawVoucher({ path: { id: one.id } }).then(() => refetch('listVouchers')),
            }),
        },
      ]}
    />
  )
  return (
    <>
      <PageHeader title={words.vouchers} sub={words.vouchersSub}>
        {make}
      </PageHeader>
      <ResourceTable
        label={words.vouchers}
        rows={admin ? list.items : []}
        error={list.error}
        onRetry={() => void list.refetch()}
        more={list.more}
        id={(one) => one.id}
        columns={[
          {
            key: 'code',
            title: words.code,
            render: (one) => (
              <>
                <Code>…{one.hint}</Code>
                <Text size="xs" c="dimmed">
                  {one.note}
                </Text>
              </>
            ),
          },
          { key: 'state', title: t.common.state, render: state },
          {
            key: 'amount',
            title: words.worth,
            right: true,
            render: (one) => (
              <Text size="sm" component="div" fw={550}>
                <Credits micros={one.amount_micros} />
              </Text>
            ),
          },
          {
            key: 'used',
            title: words.used,
            right: true,
            from: 'md',
            render: (one) => (
              <Text size="sm" className="tnum">
                {f.whole(one.used)} / {f.whole(one.uses)}
              </Text>
            ),
          },
          {
            key: 'until',
            title: words.until,
            from: 'md',
            render: (one) =>
              one.expires_at ? <When at={one.expires_at} size="sm" /> : <Text size="sm">{words.forEver}</Text>,
          },
        ]}
        acts={menu}
        card={(one) => (
          <>
            <Group justify="space-between" wrap="nowrap">
              <Group gap="sm">
                <Code>…{one.hint}</Code>
                <Text fw={600} component="div">
                  <Credits micros={one.amount_micros} />
                </Text>
              </Group>
              {menu(one)}
            </Group>
            <Group gap="md">
              {state(one)}
              <Text size="sm" c="dimmed" className="tnum">
                {words.used} {f.whole(one.used)} / {f.whole(one.uses)}
              </Text>
            </Group>
            <Text size="xs" c="dimmed">
              {one.note}
            </Text>
          </>
        )}
        empty={
          <Nothing icon={IconGift} title={admin ? words.vouchersNone : t.admin.adminsOnly} action={admin && make}>
            {words.vouchersHint}
          </Nothing>
        }
      />
    </>
  )
}

function MakeDialog() {
  const t = useT()
  const words = t.admin.gifts
  const form = useForm({
    initialValues: {
      amount_micros: 10 as number | string,
      count: 1 as number | string,
      uses: 1 as number | string,
      expires_at: '',
      note: '',
    },
    validate: { amount_micros: (amount) => (Number(amount) > 0 ? null : t.common.required) },
  })
  const { amount_micros: amount, count, uses, expires_at, note } = form.values
  const until = expires_at ? new Date(`${expires_at}T23:59:59`).toISOString() : undefined
  const body = {
    amount_micros: Math.round(Number(amount) * MICROS),
    count: Number(count),
    uses: Number(uses),
    ...(until ? { expires_at: until } : {}),
    ...(note.trim() ? { note: note.trim() } : {}),
  }
  return (
    <DialogForm
      about={words.makeAbout}
      label={words.make}
      onCancel={() => modals.closeAll()}
      hints={[
        {
          cli: `innkeeper voucher make ${amount} --count ${count} --uses ${uses}${until ? ` --until ${until}` : ''}${note.trim() ? ` --note ${shellWord(note.trim())}` : ''}`,
          path: '/api/v1/vouchers',
          body,
        },
      ]}
      onRefused={(error, text) => atField(form, error, text)}
      submit={() =>
        !form.validate().hasErrors &&
        createVouchers({ body }).then(({ data }) => {
          void refetch('listVouchers')
          modals.closeAll()
          showSecret({
            title: words.codes,
            secret: data.items.map((one) => one.code).join('\n'),
            about: words.codesAbout,
            close: t.common.savedIt,
          })
        })
      }
    >
      <NumberInput
        data-autofocus
        label={words.amount}
        min={0}
        decimalScale={6}
        {...form.getInputProps('amount_micros')}
      />
      <Group grow align="flex-start">
        <NumberInput label={words.count} min={1} max={1000} allowDecimal={false} {...form.getInputProps('count')} />
        <NumberInput
          label={words.uses}
          description={words.usesHint}
          inputWrapperOrder={['label', 'input', 'description', 'error']}
          min={1}
          allowDecimal={false}
          {...form.getInputProps('uses')}
        />
      </Group>
      <TextInput type="date" label={`${words.until} (${t.common.optional})`} {...form.getInputProps('expires_at')} />
      <TextInput label={`${words.note} (${t.common.optional})`} {...form.getInputProps('note')} />
    </DialogForm>
  )
}
