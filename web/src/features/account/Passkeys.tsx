import { ActionIcon, Group, Menu, Stack, Text, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { modals } from '@mantine/modals'
import { IconDots, IconFingerprint, IconKey, IconPencil, IconTrash } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { getSetupOptions, type Passkey, refetch } from '~/api'
import { listPasskeys, removePasskey, renamePasskey } from '~/api/gen/sdk.gen'
import { usePages } from '~/api/pages'
import { CanButton } from '~/components/Can'
import { DialogForm } from '~/components/DialogForm'
import { Section } from '~/components/Section'
import { Failed, Lines } from '~/components/states'
import { When } from '~/components/When'
import { hasPasskeys } from '~/features/auth/webauthn'
import { useT } from '~/i18n'
import { atField } from '~/lib/problems'
import { askAgain } from './AgainDialog'
import { PasskeyDialog } from './PasskeyDialog'

/** Passkeys: made, renamed, taken away. */
export function Passkeys() {
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
