import { Alert, Anchor, Button, Group, PinInput, Stack, Text, TextInput } from '@mantine/core'
import { IconFingerprint } from '@tabler/icons-react'
import { type FormEvent, useState } from 'react'
import type { SecondFactorAsked } from '~/api'
import { beginPasskeySignIn, giveSecondFactor, signInByPasskey } from '~/api/gen/sdk.gen'
import { useT } from '~/i18n'
import { useProblemText } from '~/lib/problems'
import { hasPasskeys, showPasskey } from './webauthn'

type Half = Pick<SecondFactorAsked, 'ticket' | 'totp' | 'recovery_code' | 'passkey'>

/** The second half of a sign-in. */
export function SecondFactor({ half, onIn, onAgain }: { half: Half; onIn: () => void; onAgain: () => void }) {
  const t = useT()
  const text = useProblemText()
  const [way, setWay] = useState<'totp' | 'recovery'>(half.totp ? 'totp' : 'recovery')
  const [code, setCode] = useState('')
  const [error, setError] = useState<string>()
  const [busy, setBusy] = useState(false)

  const give = async (given: string) => {
    setBusy(true)
    setError(undefined)
    try {
      await giveSecondFactor({
        body: { ticket: half.ticket, ...(way === 'totp' ? { code: given } : { recovery_code: given }) },
      })
      onIn()
    } catch (refused) {
      setError(text(refused))
      setCode('')
    } finally {
      setBusy(false)
    }
  }
  const passkey = async () => {
    setBusy(true)
    setError(undefined)
    try {
      const { data } = await beginPasskeySignIn({ body: { ticket: half.ticket } })
      const credential = await showPasskey(data.options)
      await signInByPasskey({ body: { ticket: data.ticket, credential } })
      onIn()
    } catch (refused) {
      setError(refused instanceof DOMException ? t.auth.passkeyCancelled : text(refused))
    } finally {
      setBusy(false)
    }
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    void give(code.trim())
  }
  return (
    <form onSubmit={submit}>
      <Stack>
        {error && (
          <Alert color="red" role="alert">
            {error}
          </Alert>
        )}
        {way === 'totp' && half.totp && (
          <div>
            <Text size="sm" fw={500} id="code-label">
              {t.auth.secondCode}
            </Text>
            <Text size="xs" c="dimmed" mb={8}>
              {t.auth.secondCodeHint}
            </Text>
            <PinInput
              length={6}
              type="number"
              oneTimeCode
              autoFocus
              value={code}
              onChange={setCode}
              onComplete={(whole) => void give(whole)}
              disabled={busy}
              ariaLabel={t.auth.secondCode}
              size="lg"
              gap={8}
            />
          </div>
        )}
        {way === 'recovery' && half.recovery_code && (
          <TextInput
            label={t.auth.recoveryCode}
            value={code}
            onChange={(event) => setCode(event.currentTarget.value)}
            autoFocus
            autoComplete="off"
            ff="monospace"
          />
        )}
        {(half.totp || half.recovery_code) && (
          <Button type="submit" loading={busy} fullWidth>
            {t.auth.continue}
          </Button>
        )}
        {half.passkey && hasPasskeys() && (
          <Button
            variant="default"
            fullWidth
            leftSection={<IconFingerprint size={18} aria-hidden />}
            onClick={() => void passkey()}
            disabled={busy}
          >
            {t.auth.secondPasskey}
          </Button>
        )}
        <Group justify="space-between">
          {half.totp && half.recovery_code ? (
            <Anchor
              component="button"
              type="button"
              size="sm"
              onClick={() => setWay(way === 'totp' ? 'recovery' : 'totp')}
            >
              {way === 'totp' ? t.auth.secondRecovery : t.auth.secondTotp}
            </Anchor>
          ) : (
            <span />
          )}
          <Anchor component="button" type="button" size="sm" c="dimmed" onClick={onAgain}>
            {t.auth.again}
          </Anchor>
        </Group>
      </Stack>
    </form>
  )
}
