import {
  Alert,
  Badge,
  Button,
  Code,
  Group,
  PasswordInput,
  SegmentedControl,
  Select,
  SimpleGrid,
  Stack,
  Text,
  TextInput,
  useMantineColorScheme,
} from '@mantine/core'
import { useForm } from '@mantine/form'
import { createFileRoute } from '@tanstack/react-router'
import type { Language } from '~/api'
import { changeEmail, changeMe } from '~/api/gen/sdk.gen'
import { CommandHints } from '~/components/CommandHints'
import { Facts } from '~/components/Facts'
import { PageHeader } from '~/components/PageHeader'
import { Section } from '~/components/Section'
import { When } from '~/components/When'
import { type Locale, useI18n } from '~/i18n'
import { useAct } from '~/lib/act'
import { useMe } from '~/lib/me'
import { atField, useProblemText } from '~/lib/problems'

export const Route = createFileRoute('/_app/account/')({ component: Account })

function Account() {
  const { t, locale, setLocale } = useI18n()
  const words = t.account
  const { user } = useMe()
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  return (
    <>
      <PageHeader title={words.title} sub={words.sub} />
      <SimpleGrid cols={{ base: 1, lg: 2 }}>
        <Stack>
          <Profile />
          <Email />
        </Stack>
        <Stack>
          <Section title={words.theme}>
            <Stack>
              <SegmentedControl
                aria-label={words.theme}
                value={colorScheme}
                onChange={(next) => setColorScheme(next as 'auto')}
                data={(['light', 'auto', 'dark'] as const).map((value) => ({ value, label: words.themes[value] }))}
              />
              <Select
                label={words.pageLanguage}
                allowDeselect={false}
                value={locale}
                onChange={(next) => setLocale(next as Locale)}
                data={(['en', 'fr'] as const).map((value) => ({ value, label: words.languages[value] }))}
              />
            </Stack>
          </Section>
          <Section title={words.me}>
            <Facts
              items={[
                [words.role, words.roles[user.role]],
                [words.since, <When key="since" at={user.created_at} />],
                [words.id, <Code key="id">{user.id}</Code>],
              ]}
            />
          </Section>
        </Stack>
      </SimpleGrid>
    </>
  )
}

function Profile() {
  const { t, setLocale } = useI18n()
  const words = t.account
  const { user } = useMe()
  const text = useProblemText()
  const form = useForm({ initialValues: { name: user.name, language: user.language } })
  const save = useAct(
    () => changeMe({ body: { name: form.values.name, language: form.values.language as Language } }),
    {
      stale: ['getMe'],
      done: t.common.saved,
      quiet: true,
      onDone: () => setLocale(form.values.language),
    },
  )
  return (
    <Section title={words.title}>
      <form
        onSubmit={form.onSubmit(() =>
          save.mutate(undefined, { onError: (error) => void atField(form, error, text(error)) }),
        )}
      >
        <Stack>
          <TextInput label={words.name} autoComplete="name" {...form.getInputProps('name')} />
          <Select
            label={words.language}
            allowDeselect={false}
            data={(['en', 'fr'] as const).map((value) => ({ value, label: words.languages[value] }))}
            {...form.getInputProps('language')}
          />
          <CommandHints hints={[{ method: 'PATCH', path: '/api/v1/me', body: form.values }]} />
          <Group justify="flex-end">
            <Button type="submit" loading={save.isPending} disabled={!form.isDirty()}>
              {t.common.save}
            </Button>
          </Group>
        </Stack>
      </form>
    </Section>
  )
}

function Email() {
  const { t } = useI18n()
  const words = t.account
  const { user } = useMe()
  const text = useProblemText()
  const form = useForm({ initialValues: { email: '', password: '' } })
  const ask = useAct(
    () =>
      changeEmail({
        body: { email: form.values.email.trim(), ...(form.values.password ? { password: form.values.password } : {}) },
      }),
    {
      quiet: true,
      done: words.emailAsked,
      onDone: () => form.reset(),
    },
  )
  return (
    <Section title={words.email} about={words.emailAbout}>
      <form
        onSubmit={form.onSubmit(() =>
          ask.mutate(undefined, { onError: (error) => void atField(form, error, text(error)) }),
        )}
      >
        <Stack>
          <Group gap="xs">
            <Text size="sm">{user.email}</Text>
            <Badge variant="light" color={user.email_verified ? 'teal' : 'yellow'}>
              {user.email_verified ? words.confirmed : words.notConfirmed}
            </Badge>
          </Group>
          {ask.error != null && !form.errors.email && !form.errors.password && (
            <Alert color="red" role="alert">
              {text(ask.error)}
            </Alert>
          )}
          <TextInput
            type="email"
            label={words.newEmail}
            autoComplete="email"
            required
            withAsterisk={false}
            {...form.getInputProps('email')}
          />
          <PasswordInput
            label={words.security.again}
            autoComplete="current-password"
            {...form.getInputProps('password')}
          />
          <Group justify="flex-end">
            <Button type="submit" variant="default" loading={ask.isPending}>
              {words.changeEmail}
            </Button>
          </Group>
        </Stack>
      </form>
    </Section>
  )
}
