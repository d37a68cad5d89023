import { NumberInput, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { notifications } from '@mantine/notifications'
import { type Payment, refetch } from '~/api'
import { refundPayment } from '~/api/gen/sdk.gen'
import { DialogForm } from '~/components/DialogForm'
import { useT } from '~/i18n'
import { useFormat } from '~/lib/format'
import { atField } from '~/lib/problems'
import { shellWord } from '~/lib/words'

/** Gives money back; its credits are taken from the project. */
export function RefundDialog({ payment, onDone }: { payment: Payment; onDone: () => void }) {
  const t = useT()
  const f = useFormat()
  const words = t.admin.sales
  const { currency } = payment.amount
  const digits =
    new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2
  const left = payment.amount.minor - payment.refunded.minor
  const form = useForm({
    initialValues: { amount_minor: left / 10 ** digits, reason: '' } as {
      amount_minor: number | string
      reason: string
    },
    validate: {
      amount_minor: (amount) => (Number(amount) > 0 ? null : t.common.required),
      reason: (text) => (text.trim() ? null : t.common.required),
    },
  })
  const { amount_minor: amount, reason } = form.values
  const body = { amount_minor: Math.round(Number(amount) * 10 ** digits), reason: reason.trim() }
  return (
    <DialogForm
      about={words.refundAbout}
      label={words.refund}
      danger
      onCancel={onDone}
      hints={[
        {
          cli: `innkeeper payment refund ${payment.id} --amount ${amount} --reason ${shellWord(reason || 'By agreement')}`,
          path: `/api/v1/payments/${payment.id}/refunds`,
          body,
        },
      ]}
      onRefused={(error, text) => atField(form, error, text)}
      submit={() =>
        !form.validate().hasErrors &&
        refundPayment({ path: { id: payment.id }, body }).then(() => {
          void refetch('listPayments', 'getPayment', 'listRefunds', 'getFinance', 'listProjectPayments')
          notifications.show({ color: 'teal', message: words.refunding })
          onDone()
        })
      }
    >
      <NumberInput
        data-autofocus
        label={`${words.amount} (${currency})`}
        description={words.refundLeft(f.money(left, currency))}
        min={0}
        max={left / 10 ** digits}
        decimalScale={digits}
        {...form.getInputProps('amount_minor')}
      />
      <TextInput label={t.admin.reason} description={t.admin.users.adjustReason} {...form.getInputProps('reason')} />
    </DialogForm>
  )
}
