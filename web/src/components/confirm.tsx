import { Alert, Button, Group, Stack, Text, TextInput } from '@mantine/core'
import { modals } from '@mantine/modals'
import { type FormEvent, type ReactNode, useState } from 'react'
import { useT } from '~/i18n'
import { useProblemText } from '~/lib/problems'

export type Confirmed<T> = {
  title: string
  body: ReactNode
  /** What the button says: what will be done, not «yes». */
  label: string
  /** What cannot be undone is confirmed by typing this name. */
  name?: string
  danger?: boolean
  extra?: ReactNode
  act: () => Promise<T>
  /** Goes on once the question is gone: what it shows stays. */
  onDone?: (done: T) => void
}

/** Asks before something is done; what goes wrong is told where it was asked. */
export function confirm<T>(asked: Confirmed<T>) {
  modals.open({ title: asked.title, children: <Ask {...asked} /> })
}

function Ask<T>({ body, label, name, danger = true, extra, act, onDone }: Confirmed<T>) {
  const t = useT()
  const text = useProblemText()
  const [typed, setTyped] = useState('')
  const [wrong, setWrong] = useState(false)
  const [error, setError] = useState<unknown>()
  const [busy, setBusy] = useState(false)
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (name && typed.trim() !== name) return setWrong(true)
    setBusy(true)
    setError(undefined)
    try {
      const done = await act()
      modals.closeAll()
      onDone?.(done)
    } catch (refused) {
      setError(refused)
      setBusy(false)
    }
  }
  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        <Text size="sm" component="div">
          {body}
        </Text>
        {extra}
        {name && (
          <TextInput
            data-autofocus
            label={t.common.typeName(name)}
            value={typed}
            onChange={(event) => {
              setTyped(event.currentTarget.value)
              setWrong(false)
            }}
            error={wrong && t.common.nameDiffers}
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
          />
        )}
        {error !== undefined && (
          <Alert color="red" role="alert">
            {text(error)}
          </Alert>
        )}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={() => modals.closeAll()} {...(name ? {} : { 'data-autofocus': true })}>
            {t.common.cancel}
          </Button>
          <Button type="submit" color={danger ? 'red' : undefined} loading={busy}>
            {label}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
