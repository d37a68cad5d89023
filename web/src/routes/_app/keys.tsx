import {
  ActionIcon,
  Button,
  Checkbox,
  Badge as Chip,
  Group,
  Menu,
  Select,
  Stack,
  Text,
  Textarea,
  TextInput,
} from '@mantine/core'
import { useForm } from '@mantine/form'
import { modals } from '@mantine/modals'
import { IconDots, IconKey, IconKeyOff, IconPlus } from '@tabler/icons-react'
import { createFileRoute } from '@tanstack/react-router'
import { useState } from 'react'
import { type Key, refetch, type Scope } from '~/api'
import { createKey, endKey, listKeys } from '~/api/gen/sdk.gen'
import { usePages } from '~/api/pages'
import { CanItem } from '~/components/Can'
import { CommandHints } from '~/components/CommandHints'
import { confirm } from '~/components/confirm'
import { DialogForm } from '~/components/DialogForm'
import { PageHeader } from '~/components/PageHeader'
import { type Column, ResourceTable } from '~/components/ResourceTable'
import { SecretOnce } from '~/components/SecretOnce'
import { Nothing } from '~/components/states'
import { When } from '~/components/When'
import { useT } from '~/i18n'
import { useHere, useIsStaff } from '~/lib/me'
import { atField } from '~/lib/problems'
import { lines, shellWord } from '~/lib/words'

export const Route = createFileRoute('/_app/keys')({ component: Keys })

function Keys() {
  const t = useT()
  const words = t.keys
  const { projects } = useHere()
  const list = usePages('listKeys', undefined, (asked, signal) => listKeys({ query: asked, signal }), {
    every: 30_000,
  })
  const create = () =>
    modals.open({
      title: words.createTitle,
      size: 'lg',
      closeOnClickOutside: false,
      children: <KeyDialog onDone={() => modals.closeAll()} />,
    })
  const project = (one: Key) =>
    one.project_id ? (projects.find((other) => other.id === one.project_id)?.name ?? one.project_id) : words.allProjects
  const columns: Column<Key>[] = [
    {
      key: 'name',
      title: words.name,
      render: (one) => (
        <>
          <Text size="sm" fw={550}>
            {one.name}
          </Text>
          <Text size="xs" c="dimmed">
            {project(one)}
          </Text>
        </>
      ),
    },
    { key: 'scopes', title: words.scopes, render: (one) => <Scopes one={one} /> },
    {
      key: 'used',
      title: words.lastUsed,
      from: 'md',
      render: (one) =>
        one.last_used_at ? (
          <When at={one.last_used_at} size="sm" />
        ) : (
          <Text size="sm" c="dimmed">
            {t.common.never}
          </Text>
        ),
    },
    {
      key: 'expires',
      title: words.expires,
      from: 'lg',
      render: (one) =>
        one.expires_at ? (
          <When at={one.expires_at} size="sm" />
        ) : (
          <Text size="sm" c="dimmed">
            {t.common.never}
          </Text>
        ),
    },
  ]
  return (
    <>
      <PageHeader title={words.title} sub={words.sub}>
        <Button onClick={create} leftSection={<IconPlus size={16} aria-hidden />}>
          {words.create}
        </Button>
      </PageHeader>
      <ResourceTable
        label={words.title}
        {...list.table}
        columns={columns}
        acts={(one) => <KeyMenu one={one} />}
        id={(one) => one.id}
        card={(one) => (
          <>
            <Group justify="space-between" wrap="nowrap">
              <Text fw={600} truncate>
                {one.name}
              </Text>
              <KeyMenu one={one} />
            </Group>
            <Scopes one={one} />
            <Text size="sm" c="dimmed" mt={4}>
              {project(one)} · {words.lastUsed} {one.last_used_at ? <When at={one.last_used_at} /> : t.common.never}
            </Text>
          </>
        )}
        empty={
          <Nothing icon={IconKey} title={words.empty} action={<Button onClick={create}>{words.create}</Button>}>
            {words.emptyHint}
          </Nothing>
        }
      />
    </>
  )
}

const over = (one: Key) => !!one.expires_at && Date.parse(one.expires_at) < Date.now()

function Scopes({ one }: { one: Key }) {
  const t = useT()
  return (
    <Group gap={4}>
      {over(one) && (
        <Chip color="red" variant="light">
          {t.keys.over}
        </Chip>
      )}
      {one.scopes.map((scope) => (
        <Chip key={scope} variant="light" title={scope}>
          {t.keys.scopeNames[scope]}
        </Chip>
      ))}
    </Group>
  )
}

function KeyMenu({ one }: { one: Key }) {
  const t = useT()
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" aria-label={t.common.actionsFor(one.name)}>
          <IconDots size={18} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <CanItem
          why={over(one) ? t.keys.over : undefined}
          color="red"
          leftSection={<IconKeyOff size={16} aria-hidden />}
          onClick={() =>
            confirm({
              title: t.keys.endTitle(one.name),
              body: t.keys.endBody,
              label: t.keys.end,
              extra: (
                <CommandHints
                  hints={[{ cli: `innkeeper key revoke ${one.id}`, method: 'DELETE', path: `/api/v1/keys/${one.id}` }]}
                />
              ),
              act: async () => endKey({ path: { id: one.id } }).then(() => refetch('listKeys')),
            })
          }
        >
          {t.keys.end}
        </CanItem>
      </Menu.Dropdown>
    </Menu>
  )
}

function KeyDialog({ onDone }: { onDone: () => void }) {
  const t = useT()
  const words = t.keys
  const staff = useIsStaff()
  const { projects } = useHere()
  const [token, setToken] = useState<string>()
  const form = useForm({
    initialValues: {
      name: '',
      scopes: ['read'] as Scope[],
      project_id: null as string | null,
      expires_at: '',
      ranges: '',
    },
    validate: {
      name: (name) => (name.trim() ? null : t.common.required),
      scopes: (scopes) => (scopes.length ? null : words.choose),
    },
  })
  const { name, scopes, project_id, expires_at, ranges } = form.values
  const body = {
    name: name.trim(),
    scopes,
    ...(project_id ? { project_id } : {}),
    ...(expires_at ? { expires_at: new Date(`${expires_at}T23:59:59`).toISOString() } : {}),
    ...(ranges.trim() ? { ranges: lines(ranges) } : {}),
  }
  if (token)
    return (
      <DialogForm label={t.common.savedIt} submit={async () => onDone()}>
        <SecretOnce secret={token} about={words.tokenAbout} />
      </DialogForm>
    )
  const offered: Scope[] = ['read', 'instances', 'projects', 'billing', ...(staff ? (['house'] as const) : [])]
  return (
    <DialogForm
      label={words.create}
      onCancel={onDone}
      hints={[
        {
          cli: `innkeeper key create ${shellWord(name || 'ci')} ${scopes.map((scope) => `--scope ${scope}`).join(' ')}`,
          path: '/api/v1/keys',
          body,
        },
      ]}
      onRefused={(error, text) => atField(form, error, text)}
      submit={() =>
        !form.validate().hasErrors &&
        createKey({ body }).then(({ data }) => {
          void refetch('listKeys')
          if (data.token) setToken(data.token)
          else onDone()
        })
      }
    >
      <TextInput data-autofocus label={words.name} {...form.getInputProps('name')} />
      <Checkbox.Group label={words.scopes} {...form.getInputProps('scopes')}>
        <Stack gap={8} mt={6}>
          {offered.map((scope) => (
            <Checkbox key={scope} value={scope} label={words.scopeNames[scope]} description={scope} />
          ))}
        </Stack>
      </Checkbox.Group>
      <Group grow align="flex-start">
        <Select
          label={words.project}
          placeholder={words.allProjects}
          clearable
          data={projects.map((one) => ({ value: one.id, label: one.name }))}
          {...form.getInputProps('project_id')}
        />
        <TextInput
          type="date"
          label={words.expires}
          description={words.expiresHint}
          inputWrapperOrder={['label', 'input', 'description', 'error']}
          {...form.getInputProps('expires_at')}
        />
      </Group>
      <Textarea
        label={words.ranges}
        description={words.rangesHint}
        autosize
        minRows={1}
        className="mono"
        {...form.getInputProps('ranges')}
      />
    </DialogForm>
  )
}
