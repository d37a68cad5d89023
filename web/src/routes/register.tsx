import { Alert, Button, PasswordInput, Stack, Text, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { IconMailOpened } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import { useState } from 'react'
import { getSetupOptions } from '~/api'
import { register } from '~/api/gen/sdk.gen'
import { LinkAnchor, LinkButton } from '~/components/links'
import { Nothing } from '~/components/states'
import { Door } from '~/features/auth/Door'
import { takeHash } from '~/features/auth/hash'
import { useI18n } from '~/i18n'
import { useAct } from '~/lib/act'
import { atField, useProblemText } from '~/lib/problems'

export const Route = createFileRoute('/register')({ component: Register })

function Register() {
  const { t, locale } = useI18n()
  const text = useProblemText()
  const navigate = Route.useNavigate()
  const { data: setup } = useQuery(getSetupOptions())
  const [invitation] = useState(() => takeHash().get('invitation'))
  const [mailed, setMailed] = useState<string>()
  const [error, setError] = useState<string>()
  const form = useForm({
    initialValues: { name: '', email: '', password: '' },
    validate: {
      name: (name) => (name.trim() ? null : t.common.required),
      email: (email) => (/.@./.test(email) ? null : t.common.required),
      password: (password) => (password.length >= 10 ? null : t.auth.passwordHint),
    },
  })
  const act = useAct(
    (given: typeof form.values) =>
      register({
        body: { ...given, email: given.email.trim(), language: locale, ...(invitation ? { invitation } : {}) },
      }),
    {
      quiet: true,
      onDone: (answer, given) =>
        answer.confirm ? setMailed(given.email) : void navigate({ to: '/sign-in', search: { registered: true } }),
    },
  )
  const submit = form.onSubmit((given) => {
    setError(undefined)
    act.mutate(given, { onError: (refused) => atField(form, refused, text(refused)) || setError(text(refused)) })
  })
  const below = (
    <>
      {t.auth.haveAccount}{' '}
      <LinkAnchor to="/sign-in" inherit underline="always">
        {t.auth.signIn}
      </LinkAnchor>
    </>
  )
  if (mailed)
    return (
      <Door title={t.auth.registerTitle} below={below}>
        <Nothing
          icon={IconMailOpened}
          title={t.auth.checkMail}
          action={<LinkButton to="/sign-in">{t.auth.toSignIn}</LinkButton>}
        >
          {t.auth.checkMailSub(mailed)}
        </Nothing>
      </Door>
    )
  if (setup && setup.registration !== 'open' && !invitation)
    return (
      <Door title={t.auth.registerTitle} below={below}>
        <Text size="sm">
          {setup.registration === 'closed' ? t.auth.registrationClosed : t.auth.registrationInvited}
        </Text>
      </Door>
    )
  return (
    <Door
      title={t.auth.registerTitle}
      sub={invitation ? t.auth.registerByInvitation : t.auth.registerSub}
      below={below}
    >
      {error && (
        <Alert color="red" role="alert">
          {error}
        </Alert>
      )}
      <form onSubmit={submit} noValidate>
        <Stack>
          <TextInput label={t.auth.yourName} autoComplete="name" autoFocus {...form.getInputProps('name')} />
          <TextInput label={t.auth.email} type="email" autoComplete="username" {...form.getInputProps('email')} />
          <PasswordInput
            label={t.auth.password}
            description={t.auth.passwordHint}
            autoComplete="new-password"
            {...form.getInputProps('password')}
          />
          <Button type="submit" fullWidth size="md" loading={act.isPending}>
            {t.auth.register}
          </Button>
        </Stack>
      </form>
    </Door>
  )
}
