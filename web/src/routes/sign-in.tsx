import { Alert, Button, Divider, Group, PasswordInput, Stack, TextInput } from '@mantine/core'
import { IconFingerprint, IconLogin2 } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute, redirect } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import * as v from 'valibot'
import { getSetupOptions, listProvidersOptions } from '~/api'
import { beginOidc, beginPasskeySignIn, signIn, signInByPasskey } from '~/api/gen/sdk.gen'
import { LinkAnchor } from '~/components/links'
import { Door } from '~/features/auth/Door'
import { goAfresh, ourPath, takeHash } from '~/features/auth/hash'
import { SecondFactor } from '~/features/auth/SecondFactor'
import { hasPasskeys, showPasskey } from '~/features/auth/webauthn'
import { useT } from '~/i18n'
import { useProblemText } from '~/lib/problems'

export const Route = createFileRoute('/sign-in')({
  validateSearch: v.object({ next: v.optional(v.string()), registered: v.optional(v.boolean()) }),
  beforeLoad: async ({ context }) => {
    const setup = await context.queryClient
      .ensureQueryData({ ...getSetupOptions(), staleTime: 60_000 })
      .catch(() => undefined)
    if (setup?.needed) throw redirect({ to: '/setup' })
  },
  component: SignIn,
})

type Half = { ticket: string; totp: boolean; recovery_code: boolean; passkey: boolean }

function SignIn() {
  const t = useT()
  const text = useProblemText()
  const { next, registered } = Route.useSearch()
  const { data: setup } = useQuery(getSetupOptions())
  const { data: providers } = useQuery({ ...listProvidersOptions(), staleTime: 300_000 })
  const [back] = useState(takeHash)
  const [half, setHalf] = useState<Half | undefined>(() => halfway(back))
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')
  const [error, setError] = useState<string | undefined>(() => {
    const problem = back.get('problem')
    if (!problem) return undefined
    return (t.auth.problems as Record<string, string>)[problem] ?? t.auth.problems.oidc_failed
  })
  const [busy, setBusy] = useState<string>()

  const enter = () => goAfresh(ourPath(next))
  const attempt = async (what: string, act: () => Promise<void>) => {
    setBusy(what)
    setError(undefined)
    try {
      await act()
    } catch (refused) {
      setError(refused instanceof DOMException ? t.auth.passkeyCancelled : text(refused))
    } finally {
      setBusy(undefined)
    }
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    void attempt('password', async () => {
      const { data } = await signIn({ body: { email: email.trim(), password } })
      if ('ticket' in data) setHalf(data)
      else enter()
    })
  }
  const byPasskey = () =>
    attempt('passkey', async () => {
      const { data } = await beginPasskeySignIn({ body: {} })
      await signInByPasskey({ body: { ticket: data.ticket, credential: await showPasskey(data.options) } })
      enter()
    })
  const byHouse = (provider: string) =>
    attempt(provider, async () => {
      const { data } = await beginOidc({ path: { provider }, body: { return_to: ourPath(next) } })
      location.assign(data.url)
    })

  if (half)
    return (
      <Door title={t.auth.secondTitle}>
        <SecondFactor half={half} onIn={enter} onAgain={() => setHalf(undefined)} />
      </Door>
    )
  const passkeys = setup?.passkeys && hasPasskeys()
  const others = passkeys || (providers?.items.length ?? 0) > 0
  return (
    <Door
      title={t.auth.welcome}
      sub={t.auth.welcomeSub}
      below={
        setup?.registration === 'open' && (
          <>
            {t.auth.noAccount}{' '}
            <LinkAnchor to="/register" inherit underline="always">
              {t.auth.register}
            </LinkAnchor>
          </>
        )
      }
    >
      {registered && !error && (
        <Alert color="teal" className="notice" role="status">
          {t.auth.registered}
        </Alert>
      )}
      {error && (
        <Alert color="red" role="alert">
          {error}
        </Alert>
      )}
      <form onSubmit={submit}>
        <Stack>
          <TextInput
            label={t.auth.email}
            type="email"
            autoComplete="username webauthn"
            required
            withAsterisk={false}
            autoFocus
            value={email}
            onChange={(event) => setEmail(event.currentTarget.value)}
          />
          <div>
            <Group justify="space-between" mb={2}>
              <label
                htmlFor="password"
                className="mantine-InputWrapper-label m_8fdc1311"
                style={{ fontSize: 'var(--mantine-font-size-sm)', fontWeight: 500 }}
              >
                {t.auth.password}
              </label>
              <LinkAnchor to="/recover" size="xs">
                {t.auth.forgot}
              </LinkAnchor>
            </Group>
            <PasswordInput
              id="password"
              autoComplete="current-password"
              required
              value={password}
              onChange={(event) => setPassword(event.currentTarget.value)}
            />
          </div>
          <Button type="submit" fullWidth size="md" loading={busy === 'password'}>
            {t.auth.signIn}
          </Button>
        </Stack>
      </form>
      {others && <Divider label={t.auth.or} labelPosition="center" />}
      {passkeys && (
        <Button
          variant="default"
          fullWidth
          leftSection={<IconFingerprint size={18} aria-hidden />}
          loading={busy === 'passkey'}
          onClick={() => void byPasskey()}
        >
          {t.auth.passkey}
        </Button>
      )}
      {providers?.items.map((one) => (
        <Button
          key={one.name}
          variant="default"
          fullWidth
          leftSection={<IconLogin2 size={18} aria-hidden />}
          loading={busy === one.name}
          onClick={() => void byHouse(one.name)}
        >
          {t.auth.with(one.title)}
        </Button>
      ))}
    </Door>
  )
}

/** What a browser brings that signed in elsewhere and has a second factor here. */
function halfway(back: URLSearchParams): Half | undefined {
  const ticket = back.get('ticket')
  if (!ticket) return undefined
  const has = (what: string) => back.get(what) === 'true'
  return { ticket, totp: has('totp'), recovery_code: has('recovery_code'), passkey: has('passkey') }
}
