import { Textarea, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { modals } from '@mantine/modals'
import type { ReactNode } from 'react'
import type { Hint } from '~/components/CommandHints'
import { DialogForm } from '~/components/DialogForm'
import { useT } from '~/i18n'
import { atField } from '~/lib/problems'

type Asked = {
  title: string
  about: ReactNode
  label: string
  reasonHint: string
  /** Also until when; nothing is for good. */
  until?: { label: string; hint: string }
  danger?: boolean
  hints: (reason: string, until: string | undefined) => Hint[]
  act: (reason: string, until: string | undefined) => Promise<unknown>
}

/** Asks why something is done, which is written down, before it is. */
export function askReason(asked: Asked) {
  modals.open({ title: asked.title, children: <ReasonDialog {...asked} onDone={() => modals.closeAll()} /> })
}

function ReasonDialog({ about, label, reasonHint, until, danger, hints, act, onDone }: Asked & { onDone: () => void }) {
  const t = useT()
  const form = useForm({
    initialValues: { reason: '', until: '' },
    validate: { reason: (text) => (text.trim() ? null : t.common.required) },
  })
  const reason = form.values.reason.trim()
  const time = form.values.until ? new Date(form.values.until).toISOString() : undefined
  return (
    <DialogForm
      about={about}
      label={label}
      danger={danger}
      onCancel={onDone}
      hints={hints(reason, time)}
      onRefused={(error, text) => atField(form, error, text)}
      submit={() => !form.validate().hasErrors && act(reason, time).then(onDone)}
    >
      <Textarea
        data-autofocus
        label={t.admin.reason}
        description={reasonHint}
        inputWrapperOrder={['label', 'input', 'description', 'error']}
        autosize
        minRows={2}
        maxLength={500}
        {...form.getInputProps('reason')}
      />
      {until && (
        <TextInput
          type="datetime-local"
          label={until.label}
          description={until.hint}
          inputWrapperOrder={['label', 'input', 'description', 'error']}
          {...form.getInputProps('until')}
        />
      )}
    </DialogForm>
  )
}
