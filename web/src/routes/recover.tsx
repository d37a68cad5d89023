import { Alert, Button, PasswordInput, Stack, Text, TextInput } from '@mantine/core'
import { createFileRoute } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { askToRecover, recover } from '~/api/gen/sdk.gen'
import { LinkAnchor, LinkButton } from '~/components/links'
import { Door } from '~/features/auth/Door'
import { takeHash } from '~/features/auth/hash'
import { useT } from '~/i18n'
import { useProblemText } from '~/lib/problems'

export const Route = createFileRoute('/recover')({ component: Recover })

function Recover() {
  const t = useT()
  const text = useProblemText()
  const [token] = useState(() => takeHash().get('token'))
  const [typed, setTyped] = useState('')
  const [done, setDone] = useState(false)
  const [error, setError] = useState<string>()
  const [busy, setBusy] = useState(false)
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    setBusy(true)
    setError(undefined)
    try {
      if (token) await recover({ body: { token, password: typed } })
      else await askToRecover({ body: { email: typed.trim() } })
      setDone(true)
    } catch (refused) {
      setError(text(refused))
    } finally {
      setBusy(false)
    }
  }
  return (
    <Door
      title={t.auth.recoverTitle}
      sub={!token && !done && t.auth.recoverSub}
      below={
        <LinkAnchor to="/sign-in" inherit>
          {t.auth.toSignIn}
        </LinkAnchor>
      }
    >
      {error && (
        <Alert color="red" role="alert">
          {error}
        </Alert>
      )}
      {done ? (
        <Stack>
          <Text size="sm" role="status">
            {token ? t.auth.recoverDone : t.auth.recoverSent}
          </Text>
          <LinkButton to="/sign-in">{t.auth.toSignIn}</LinkButton>
        </Stack>
      ) : (
        <form onSubmit={submit}>
          <Stack>
            {token ? (
              <PasswordInput
                label={t.auth.newPassword}
                description={t.auth.passwordHint}
                autoComplete="new-password"
                required
                withAsterisk={false}
                minLength={10}
                autoFocus
                value={typed}
                onChange={(event) => setTyped(event.currentTarget.value)}
              />
            ) : (
              <TextInput
                label={t.auth.email}
                type="email"
                autoComplete="username"
                required
                withAsterisk={false}
                autoFocus
                value={typed}
                onChange={(event) => setTyped(event.currentTarget.value)}
              />
            )}
            <Button type="submit" fullWidth loading={busy}>
              {token ? t.auth.recoverSet : t.auth.recoverSend}
            </Button>
          </Stack>
        </form>
      )}
    </Door>
  )
}
