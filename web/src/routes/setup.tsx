import { Alert, Button, PasswordInput, Stack, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { createFileRoute, redirect } from '@tanstack/react-router'
import { useState } from 'react'
import { getSetupOptions } from '~/api'
import { setUp } from '~/api/gen/sdk.gen'
import { Door } from '~/features/auth/Door'
import { goAfresh } from '~/features/auth/hash'
import { useT } from '~/i18n'
import { useAct } from '~/lib/act'
import { atField, useProblemText } from '~/lib/problems'

export const Route = createFileRoute('/setup')({
  beforeLoad: async ({ context }) => {
    const { needed } = await context.queryClient.ensureQueryData(getSetupOptions())
    if (!needed) throw redirect({ to: '/sign-in' })
  },
  component: Setup,
})

function Setup() {
  const t = useT()
  const text = useProblemText()
  const [error, setError] = useState<string>()
  const form = useForm({ initialValues: { name: '', email: '', password: '' } })
  const act = useAct((body: typeof form.values) => setUp({ body }), {
    quiet: true,
    onDone: () => goAfresh('/'),
  })
  const submit = form.onSubmit((given) =>
    act.mutate(given, { onError: (refused) => atField(form, refused, text(refused)) || setError(text(refused)) }),
  )
  return (
    <Door title={t.auth.setupTitle} sub={t.auth.setupSub}>
      {error && (
        <Alert color="red" role="alert">
          {error}
        </Alert>
      )}
      <form onSubmit={submit}>
        <Stack>
          <TextInput
            label={t.auth.yourName}
            autoComplete="name"
            required
            withAsterisk={false}
            {...form.getInputProps('name')}
          />
          <TextInput
            label={t.auth.email}
            type="email"
            autoComplete="username"
            required
            withAsterisk={false}
            {...form.getInputProps('email')}
          />
          <PasswordInput
            label={t.auth.password}
            description={t.auth.passwordHint}
            autoComplete="new-password"
            required
            withAsterisk={false}
            {...form.getInputProps('password')}
          />
          <Button type="submit" fullWidth size="md" loading={act.isPending}>
            {t.auth.setupDo}
          </Button>
        </Stack>
      </form>
    </Door>
  )
}
