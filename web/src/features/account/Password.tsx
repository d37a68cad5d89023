import { Button, Group, PasswordInput, Stack } from '@mantine/core'
import { useForm } from '@mantine/form'
import { notifications } from '@mantine/notifications'
import { hasCode } from '~/api'
import { changePassword } from '~/api/gen/sdk.gen'
import { Section } from '~/components/Section'
import { useT } from '~/i18n'
import { useAct } from '~/lib/act'
import { atField, useProblemText } from '~/lib/problems'

/** The password, and a new one for whoever knows the old one. */
export function Password() {
  const t = useT()
  const words = t.account.security
  const text = useProblemText()
  const form = useForm({
    initialValues: { password: '', new_password: '' },
    validate: { new_password: (typed) => (typed.length >= 10 ? null : t.auth.passwordHint) },
  })
  const change = useAct(() => changePassword({ body: form.values }), {
    quiet: true,
    done: words.changed,
    stale: ['listSessions'],
    onDone: () => form.reset(),
  })
  const refused = (error: unknown) => {
    if (hasCode(error, 'wrong_password', 'wrong_credentials')) form.setFieldError('password', text(error))
    else if (!atField(form, error, text(error))) notifications.show({ color: 'red', message: text(error) })
  }
  return (
    <Section title={words.password} about={words.passwordAbout}>
      <form onSubmit={form.onSubmit(() => change.mutate(undefined, { onError: refused }))}>
        <Stack>
          <PasswordInput
            label={words.current}
            autoComplete="current-password"
            required
            withAsterisk={false}
            {...form.getInputProps('password')}
          />
          <PasswordInput
            label={words.next}
            description={t.auth.passwordHint}
            autoComplete="new-password"
            required
            withAsterisk={false}
            {...form.getInputProps('new_password')}
          />
          <Group justify="flex-end">
            <Button type="submit" loading={change.isPending}>
              {words.change}
            </Button>
          </Group>
        </Stack>
      </form>
    </Section>
  )
}
