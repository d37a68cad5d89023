import {
  ActionIcon,
  Button,
  Card,
  Badge as Chip,
  Group,
  Menu,
  PasswordInput,
  SimpleGrid,
  Stack,
  Text,
  TextInput,
} from '@mantine/core'
import { useForm } from '@mantine/form'
import { modals } from '@mantine/modals'
import { notifications } from '@mantine/notifications'
import {
  IconDeviceDesktop,
  IconDeviceMobile,
  IconDots,
  IconFingerprint,
  IconKey,
  IconPencil,
  IconTrash,
} from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import {
  getFactorsOptions,
  getSetupOptions,
  hasCode,
  listProvidersOptions,
  type Passkey,
  refetch,
  type Session,
} from '~/api'
import {
  beginLink,
  changePassword,
  endOtherSessions,
  endSession,
  listIdentities,
  listPasskeys,
  listSessions,
  offerTotp,
  removePasskey,
  removeTotp,
  renamePasskey,
  renewRecoveryCodes,
  unlink,
} from '~/api/gen/sdk.gen'
import { usePages } from '~/api/pages'
import { CanButton } from '~/components/Can'
import { CommandHints } from '~/components/CommandHints'
import { confirm } from '~/components/confirm'
import { DialogForm } from '~/components/DialogForm'
import { PageHeader } from '~/components/PageHeader'
import { Section } from '~/components/Section'
import { Badge } from '~/components/StatusBadge'
import { Failed, Lines } from '~/components/states'
import { When } from '~/components/When'
import { askAgain } from '~/features/account/AgainDialog'
import { PasskeyDialog } from '~/features/account/PasskeyDialog'
import { showRecoveryCodes, TotpDialog } from '~/features/account/TotpDialog'
import { hasPasskeys } from '~/features/auth/webauthn'
import { DiscordLinked } from '~/features/discord/DiscordLinked'
import { useT } from '~/i18n'
import { useAct } from '~/lib/act'
import { atField, useProblemText } from '~/lib/problems'

export const Route = createFileRoute('/_app/account/security')({ component: Security })

function Security() {
  const t = useT()
  const words = t.account.security
  return (
    <>
      <PageHeader title={words.title} sub={words.sub} />
      <SimpleGrid cols={{ base: 1, lg: 2 }}>
        <Stack>
          <Password />
          <Identities />
        </Stack>
        <Stack>
          <Passkeys />
          <Factors />
          <DiscordLinked />
        </Stack>
      </SimpleGrid>
      <Sessions />
    </>
  )
}

function Password() {
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

function Factors() {
  const t = useT()
  const words = t.account.security
  const { data: factors } = useQuery(getFactorsOptions())
  const stale = () => void refetch('getFactors')
  const on = () =>
    askAgain({
      title: words.totp,
      about: words.totpAbout,
      label: t.auth.continue,
      act: async (again) => {
        const { data } = await offerTotp({ body: again })
        modals.closeAll()
        modals.open({
          title: words.totp,
          size: 'lg',
          closeOnClickOutside: false,
          children: <TotpDialog offer={data} />,
        })
      },
    })
  const off = () =>
    askAgain({
      title: words.totpRemove,
      label: words.totpRemove,
      danger: true,
      act: async (again) => {
        await removeTotp({ body: again })
        stale()
        modals.closeAll()
        notifications.show({ message: words.totpRemoved })
      },
    })
  const renew = () =>
    askAgain({
      title: words.recovery,
      about: words.recoveryAbout,
      label: words.recoveryRenew,
      act: async (again) => {
        const { data } = await renewRecoveryCodes({ body: again })
        stale()
        modals.closeAll()
        showRecoveryCodes(words.recoveryTitle, data.recovery_codes, t.common.savedIt)
      },
    })
  return (
    <Section
      title={words.totp}
      about={words.totpAbout}
      action={
        factors && <Badge tone={factors.totp ? 'good' : 'quiet'}>{factors.totp ? words.totpOn : words.totpOff}</Badge>
      }
    >
      <Stack>
        <Group>
          {factors?.totp ? (
            <Button variant="light" color="red" onClick={off}>
              {words.totpRemove}
            </Button>
          ) : (
            <Button variant="default" onClick={on} disabled={!factors}>
              {words.totpAdd}
            </Button>
          )}
        </Group>
        {factors && (factors.totp || factors.passkeys > 0) && (
          <Group justify="space-between">
            <div>
              <Text size="sm" fw={500}>
                {words.recovery}
              </Text>
              <Text size="sm" c="dimmed">
                {words.recoveryLeft(factors.recovery_codes)}
              </Text>
            </div>
            <Button variant="default" onClick={renew}>
              {words.recoveryRenew}
            </Button>
          </Group>
        )}
      </Stack>
    </Section>
  )
}

function Passkeys() {
  const t = useT()
  const words = t.account.security
  const { data: setup } = useQuery(getSetupOptions())
  const list = usePages('listPasskeys', undefined, (asked, signal) => listPasskeys({ query: asked, signal }))
  const why = setup?.passkeys && hasPasskeys() ? undefined : t.auth.passkeyUnsupported
  return (
    <Section
      title={words.passkeys}
      about={words.passkeysAbout}
      action={
        <CanButton
          variant="default"
          why={why}
          leftSection={<IconFingerprint size={16} aria-hidden />}
          onClick={() => modals.open({ title: words.passkeyAdd, children: <PasskeyDialog /> })}
        >
          {words.passkeyAdd}
        </CanButton>
      }
    >
      {list.error ? (
        <Failed error={list.error} onRetry={() => void list.refetch()} />
      ) : !list.items ? (
        <Lines count={2} />
      ) : list.items.length === 0 ? (
        <Text size="sm" c="dimmed">
          {words.passkeysNone}
        </Text>
      ) : (
        <Stack gap={0}>
          {list.items.map((one) => (
            <PasskeyLine key={one.id} one={one} />
          ))}
        </Stack>
      )}
    </Section>
  )
}

function PasskeyLine({ one }: { one: Passkey }) {
  const t = useT()
  const words = t.account.security
  const path = { id: one.id }
  const again = () => void refetch('listPasskeys', 'getFactors')
  return (
    <Group justify="space-between" py={8} className="line" wrap="nowrap">
      <Group gap="sm" wrap="nowrap">
        <IconKey size={18} stroke={1.5} aria-hidden />
        <div>
          <Text size="sm" fw={550}>
            {one.name}
          </Text>
          <Text size="xs" c="dimmed">
            {words.lastUsed} {one.last_used_at ? <When at={one.last_used_at} /> : t.common.never}
          </Text>
        </div>
      </Group>
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" aria-label={t.common.actionsFor(one.name)}>
            <IconDots size={18} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item
            leftSection={<IconPencil size={16} aria-hidden />}
            onClick={() => modals.open({ title: words.passkeyRename, children: <RenameDialog one={one} /> })}
          >
            {words.passkeyRename}
          </Menu.Item>
          <Menu.Item
            color="red"
            leftSection={<IconTrash size={16} aria-hidden />}
            onClick={() =>
              askAgain({
                title: words.passkeyRemoveTitle(one.name),
                about: words.passkeyRemoveBody,
                label: t.common.remove,
                danger: true,
                act: async (body) => {
                  await removePasskey({ path, body })
                  again()
                  modals.closeAll()
                },
              })
            }
          >
            {t.common.remove}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </Group>
  )
}

function RenameDialog({ one }: { one: Passkey }) {
  const t = useT()
  const form = useForm({ initialValues: { name: one.name } })
  return (
    <DialogForm
      label={t.common.save}
      onCancel={() => modals.closeAll()}
      onRefused={(error, text) => atField(form, error, text)}
      submit={async () => {
        await renamePasskey({ path: { id: one.id }, body: form.values })
        void refetch('listPasskeys')
        modals.closeAll()
      }}
    >
      <TextInput data-autofocus label={t.account.security.passkeyName} {...form.getInputProps('name')} />
    </DialogForm>
  )
}

function Identities() {
  const t = useT()
  const words = t.account.security
  const { data: providers } = useQuery({ ...listProvidersOptions(), staleTime: 300_000 })
  const list = usePages('listIdentities', undefined, (asked, signal) => listIdentities({ query: asked, signal }))
  if (!providers?.items.length && !list.items?.length) return null
  const title = (name: string) => providers?.items.find((one) => one.name === name)?.title ?? name
  const linked = new Set(list.items?.map((one) => one.provider))
  return (
    <Section title={words.identities} about={words.identitiesAbout}>
      <Stack gap="xs">
        {list.items?.length === 0 && (
          <Text size="sm" c="dimmed">
            {words.identitiesNone}
          </Text>
        )}
        {list.items?.map((one) => (
          <Group key={one.provider} justify="space-between">
            <div>
              <Text size="sm" fw={550}>
                {title(one.provider)}
              </Text>
              <Text size="xs" c="dimmed">
                {one.email} · {words.lastUsed} <When at={one.last_used_at} />
              </Text>
            </div>
            <Button
              size="xs"
              variant="default"
              onClick={() =>
                askAgain({
                  title: words.unlinkTitle(title(one.provider)),
                  about: words.unlinkBody,
                  label: words.unlink,
                  danger: true,
                  act: async (body) => {
                    await unlink({ path: { provider: one.provider }, body })
                    void refetch('listIdentities')
                    modals.closeAll()
                  },
                })
              }
            >
              {words.unlink}
            </Button>
          </Group>
        ))}
        <Group gap="xs">
          {providers?.items
            .filter((one) => !linked.has(one.name))
            .map((one) => (
              <Button
                key={one.name}
                variant="default"
                onClick={() =>
                  askAgain({
                    title: words.link(one.title),
                    label: words.link(one.title),
                    act: async (again) => {
                      const { data } = await beginLink({
                        path: { provider: one.name },
                        body: { ...again, return_to: '/account/security' },
                      })
                      location.assign(data.url)
                    },
                  })
                }
              >
                {words.link(one.title)}
              </Button>
            ))}
        </Group>
      </Stack>
    </Section>
  )
}

function Sessions() {
  const t = useT()
  const words = t.account.security
  const list = usePages('listSessions', undefined, (asked, signal) => listSessions({ query: asked, signal }), {
    every: 30_000,
  })
  const others = () =>
    confirm({
      title: words.endOthersTitle,
      body: words.endOthersBody,
      label: words.endOthers,
      extra: <CommandHints hints={[{ method: 'DELETE', path: '/api/v1/sessions' }]} />,
      act: async () => {
        const { data } = await endOtherSessions()
        void refetch('listSessions')
        notifications.show({ message: words.endedOthers(data.ended) })
      },
    })
  return (
    <Section
      mt="md"
      title={words.sessions}
      about={words.sessionsAbout}
      action={
        <Button variant="default" onClick={others}>
          {words.endOthers}
        </Button>
      }
    >
      {list.error ? (
        <Failed error={list.error} onRetry={() => void list.refetch()} />
      ) : !list.items ? (
        <Lines count={3} />
      ) : (
        <Stack gap="sm">
          {list.items.map((one) => (
            <SessionLine key={one.id} one={one} />
          ))}
          {list.more && (
            <Button variant="default" onClick={list.more.load} loading={list.more.loading}>
              {t.common.more}
            </Button>
          )}
        </Stack>
      )}
    </Section>
  )
}

/** What a client says it is, in a few words. */
function agent(text: string | null | undefined): string | undefined {
  if (!text) return undefined
  const browser = /(Firefox|Edg|OPR|Chrome|Safari)\/[\d.]+/.exec(text)?.[1]
  const system = /(Android|iPhone|iPad|Windows|Mac OS X|Linux)/.exec(text)?.[1]
  if (!browser) return text.split(/[ /]/)[0]
  return [browser.replace('Edg', 'Edge').replace('OPR', 'Opera'), system?.replace('Mac OS X', 'macOS')]
    .filter(Boolean)
    .join(' · ')
}

function SessionLine({ one }: { one: Session }) {
  const t = useT()
  const words = t.account.security
  const end = useAct(() => endSession({ path: { id: one.id } }), { stale: ['listSessions'] })
  const Icon = /Android|iPhone|Mobile/.test(one.user_agent ?? '') ? IconDeviceMobile : IconDeviceDesktop
  const name = agent(one.user_agent) ?? words.unknownAgent
  return (
    <Card padding="sm" radius="md">
      <Group justify="space-between" gap="sm">
        <Group gap="md" wrap="nowrap">
          <Icon size={22} stroke={1.4} aria-hidden />
          <div>
            <Group gap="xs">
              <Text size="sm" fw={550}>
                {name}
              </Text>
              {one.current && (
                <Chip variant="light" color="teal">
                  {words.thisOne}
                </Chip>
              )}
            </Group>
            <Text size="xs" c="dimmed">
              {one.address} · {words.methods[one.method]} · {words.lastUsed} <When at={one.last_used_at} />
            </Text>
          </div>
        </Group>
        {!one.current && (
          <Button
            size="xs"
            variant="default"
            loading={end.isPending}
            onClick={() => end.mutate(undefined)}
            aria-label={`${words.endSession}: ${name}`}
          >
            {words.endSession}
          </Button>
        )}
      </Group>
    </Card>
  )
}
