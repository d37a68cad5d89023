import { Alert, Button, Group, Stack, Text } from '@mantine/core'
import { type FormEvent, type ReactNode, useState } from 'react'
import { isProblem } from '~/api'
import { useT } from '~/i18n'
import { useProblemText } from '~/lib/problems'
import { CommandHints, type Hint } from './CommandHints'

/**
 * A form in a dialog: what it is about, its fields, the same as a command, and one button. What the house refuses is
 * told above the fields, or by `onRefused` beside one of them.
 */
export function DialogForm({
  about,
  children,
  label,
  danger,
  disabled,
  hints,
  submit,
  onRefused,
  onCancel,
}: {
  about?: ReactNode
  children?: ReactNode
  label: string
  danger?: boolean
  disabled?: boolean
  hints?: Hint[]
  /** Answers `false` when there was something wrong with what was typed. */
  submit: () => Promise<unknown> | false | undefined
  onRefused?: (error: unknown, text: string) => boolean
  onCancel?: () => void
}) {
  const t = useT()
  const text = useProblemText()
  const [error, setError] = useState<unknown>()
  const [busy, setBusy] = useState(false)
  const send = async (event: FormEvent) => {
    event.preventDefault()
    event.stopPropagation()
    setError(undefined)
    const sent = submit()
    if (!sent) return
    setBusy(true)
    try {
      await sent
    } catch (refused) {
      if (!onRefused?.(refused, text(refused))) setError(refused)
    } finally {
      setBusy(false)
    }
  }
  return (
    <form onSubmit={send} noValidate>
      <Stack>
        {about && (
          <Text size="sm" c="dimmed" component="div">
            {about}
          </Text>
        )}
        {error !== undefined && (
          <Alert color="red" role="alert">
            {text(error)}
            {isProblem(error) && error.remedy && <Text size="sm">{error.remedy}</Text>}
          </Alert>
        )}
        {children}
        {hints && <CommandHints hints={hints} />}
        <Group justify="flex-end" gap="xs">
          {onCancel && (
            <Button variant="default" onClick={onCancel}>
              {t.common.cancel}
            </Button>
          )}
          <Button type="submit" color={danger ? 'red' : undefined} loading={busy} disabled={disabled}>
            {label}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
