import { NumberInput, SegmentedControl, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { notifications } from '@mantine/notifications'
import { type AdjustmentKind, refetch } from '~/api'
import { postAdjustment } from '~/api/gen/sdk.gen'
import { DialogForm } from '~/components/DialogForm'
import { useT } from '~/i18n'
import { MICROS } from '~/lib/format'
import { atField } from '~/lib/problems'
import { shellWord } from '~/lib/words'

/** Gives credits to a project, or corrects what it has. */
export function AdjustDialog({ projectId, onDone }: { projectId: string; onDone: () => void }) {
  const t = useT()
  const words = t.admin.users
  const form = useForm({
    initialValues: { kind: 'grant' as AdjustmentKind, amount_micros: 10 as number | string, reason: '' },
    validate: {
      amount_micros: (amount) => (Number(amount) ? null : t.common.required),
      reason: (text) => (text.trim() ? null : t.common.required),
    },
  })
  const { kind, amount_micros: amount, reason } = form.values
  const body = { kind, amount_micros: Math.round(Number(amount) * MICROS), reason: reason.trim() }
  const verb = kind === 'grant' ? 'give' : 'correct'
  return (
    <DialogForm
      about={words.adjustAbout}
      label={kind === 'grant' ? words.give : words.correct}
      onCancel={onDone}
      hints={[
        {
          cli: `innkeeper credits ${verb} ${amount} --project ${projectId} --reason ${shellWord(reason || 'Welcome')}`,
          path: `/api/v1/projects/${projectId}/adjustments`,
          body,
        },
      ]}
      onRefused={(error, text) => atField(form, error, text)}
      submit={() =>
        !form.validate().hasErrors &&
        postAdjustment({ path: { id: projectId }, body }).then(() => {
          void refetch('getBalance', 'listLedger', 'getFinance')
          notifications.show({ color: 'teal', message: t.credits.adjusted })
          onDone()
        })
      }
    >
      <SegmentedControl
        fullWidth
        aria-label={t.credits.adjustKind}
        value={kind}
        onChange={(next) => form.setFieldValue('kind', next as AdjustmentKind)}
        data={[
          { value: 'grant', label: words.give },
          { value: 'correction', label: words.correct },
        ]}
      />
      <NumberInput
        data-autofocus
        label={kind === 'grant' ? words.amount : t.credits.adjustAmount}
        decimalScale={6}
        min={kind === 'grant' ? 0 : undefined}
        {...form.getInputProps('amount_micros')}
      />
      <TextInput
        label={t.admin.reason}
        description={words.adjustReason}
        inputWrapperOrder={['label', 'input', 'description', 'error']}
        {...form.getInputProps('reason')}
      />
    </DialogForm>
  )
}
