import { ActionIcon, Badge as Chip, Group, Menu, Text, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { modals } from '@mantine/modals'
import {
  IconArchive,
  IconDots,
  IconHistory,
  IconLock,
  IconLockOpen,
  IconNote,
  IconPlus,
  IconTrash,
} from '@tabler/icons-react'
import { useNavigate } from '@tanstack/react-router'
import type { Backup, BackupState, Instance } from '~/api'
import { refetch } from '~/api'
import { changeBackup, deleteBackup, restoreInstance } from '~/api/gen/sdk.gen'
import { CanItem } from '~/components/Can'
import { CommandHints } from '~/components/CommandHints'
import { confirm } from '~/components/confirm'
import { DialogForm } from '~/components/DialogForm'
import { LinkAnchor } from '~/components/links'
import { type Column, ResourceTable } from '~/components/ResourceTable'
import { Badge, type Tone } from '~/components/StatusBadge'
import { Nothing } from '~/components/states'
import { When } from '~/components/When'
import { settle } from '~/features/instances/actions'
import { useT } from '~/i18n'
import { useAct } from '~/lib/act'
import { useFormat } from '~/lib/format'
import { useMayChange } from '~/lib/me'
import { useReason } from '~/lib/problems'

const tones: Record<BackupState, Tone> = {
  pending: 'busy',
  ready: 'good',
  failed: 'bad',
  deleting: 'warn',
  deleted: 'quiet',
  lost: 'bad',
}
const stale = ['listBackups', 'listInstanceBackups', 'getBackup']

type Shown = {
  rows: Backup[] | undefined
  error: unknown
  onRetry: () => void
  more: { load: () => void; loading: boolean } | undefined
  instances: Map<string, Instance>
  withInstance?: boolean
}

/** Backups, and what can be done with each. */
export function BackupTable({ rows, error, onRetry, more, instances, withInstance }: Shown) {
  const t = useT()
  const f = useFormat()
  const words = t.instances.backups
  const columns: Column<Backup>[] = [
    {
      key: 'when',
      title: t.common.when,
      render: (one) => (
        <>
          <Group gap="xs" wrap="nowrap">
            <When at={one.created_at} size="sm" fw={550} />
            {one.protected && <IconLock size={14} role="img" aria-label={words.protect} />}
          </Group>
          {(one.note || one.problem) && (
            <Text size="xs" c={one.problem ? 'red' : 'dimmed'} lineClamp={1}>
              {one.problem ?? one.note}
            </Text>
          )}
        </>
      ),
    },
    ...(withInstance
      ? [
          {
            key: 'instance',
            title: t.operations.instance,
            render: (one: Backup) => <InstanceName one={one} instances={instances} />,
          },
        ]
      : []),
    { key: 'state', title: t.common.state, render: (one) => <State one={one} /> },
    {
      key: 'size',
      title: words.size,
      right: true,
      from: 'md',
      render: (one) => (
        <Text size="sm" className="tnum">
          {one.size ? f.bytes(one.size) : '–'}
        </Text>
      ),
    },
    {
      key: 'maker',
      title: words.madeBy,
      from: 'lg',
      render: (one) => <Text size="sm">{words.makers[one.made_by]}</Text>,
    },
  ]
  return (
    <ResourceTable
      label={t.instances.tabs.backups}
      rows={rows}
      columns={columns}
      acts={(one) => <RowMenu one={one} instance={instances.get(one.instance_id)} />}
      id={(one) => one.id}
      error={error}
      onRetry={onRetry}
      more={more}
      empty={
        <Nothing icon={IconArchive} title={words.empty}>
          {words.emptyHint}
        </Nothing>
      }
      card={(one) => (
        <>
          <Group justify="space-between" wrap="nowrap">
            <When at={one.created_at} fw={600} />
            <RowMenu one={one} instance={instances.get(one.instance_id)} />
          </Group>
          <Group gap="md" mt={4}>
            <State one={one} />
            <Text size="sm" c="dimmed">
              {one.size ? f.bytes(one.size) : ''}
            </Text>
          </Group>
          {withInstance && <InstanceName one={one} instances={instances} />}
          {(one.note || one.problem) && (
            <Text size="sm" c="dimmed" mt={4}>
              {one.problem ?? one.note}
            </Text>
          )}
        </>
      )}
    />
  )
}

function State({ one }: { one: Backup }) {
  const t = useT()
  return (
    <Group gap="xs" wrap="nowrap">
      <Badge tone={tones[one.state]} busy={one.state === 'pending' || one.state === 'deleting'}>
        {t.instances.backups.states[one.state]}
      </Badge>
      {one.verified === 'ok' && (
        <Chip variant="light" color="teal">
          {t.instances.backups.verified}
        </Chip>
      )}
    </Group>
  )
}

function InstanceName({ one, instances }: { one: Backup; instances: Map<string, Instance> }) {
  const t = useT()
  const instance = instances.get(one.instance_id)
  if (!instance)
    return (
      <Text size="sm" c="dimmed">
        {t.instances.states.deleted}
      </Text>
    )
  return (
    <LinkAnchor to="/instances/$id/backups" params={{ id: one.instance_id }} size="sm" c="inherit">
      {instance.name}
    </LinkAnchor>
  )
}

function RowMenu({ one, instance }: { one: Backup; instance: Instance | undefined }) {
  const t = useT()
  const f = useFormat()
  const navigate = useNavigate()
  const reason = useReason()
  const words = t.instances.backups
  const mayNot = useMayChange(one.project_id)
  const path = { id: one.id }
  const protect = useAct(() => changeBackup({ path, body: { protected: !one.protected } }), {
    stale,
    done: t.common.saved,
  })
  const notReady = one.state === 'ready' ? undefined : words.states[one.state]
  const restore = () =>
    instance &&
    confirm({
      title: words.restoreTitle(instance.name),
      body: words.restoreBody,
      label: words.restore,
      name: instance.name,
      extra: (
        <CommandHints
          hints={[
            {
              cli: `innkeeper backup restore ${one.id}`,
              path: `/api/v1/instances/${instance.id}/restore`,
              body: { backup_id: one.id, confirm: instance.name },
            },
          ]}
        />
      ),
      act: async () =>
        settle(
          (await restoreInstance({ path: { id: instance.id }, body: { backup_id: one.id, confirm: instance.name } }))
            .data,
          instance.id,
        ),
    })
  const remove = () =>
    confirm({
      title: words.deleteTitle,
      body: words.deleteBody,
      label: t.common.remove,
      extra: (
        <CommandHints
          hints={[{ cli: `innkeeper backup delete ${one.id}`, method: 'DELETE', path: `/api/v1/backups/${one.id}` }]}
        />
      ),
      act: async () => {
        await deleteBackup({ path })
        void refetch(...stale)
      },
    })
  return (
    <Menu position="bottom-end" width={260} keepMounted={false}>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" aria-label={t.common.actionsFor(f.exact(one.created_at))}>
          <IconDots size={18} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <CanItem
          why={
            mayNot ??
            notReady ??
            (instance
              ? reason(instance.actions.find((other) => other.action === 'restore'))
              : t.instances.states.deleted)
          }
          onClick={restore}
          leftSection={<IconHistory size={16} aria-hidden />}
        >
          {words.restore}
        </CanItem>
        <CanItem
          why={mayNot ?? notReady}
          onClick={() => void navigate({ to: '/instances-new', search: { backup: one.id } })}
          leftSection={<IconPlus size={16} aria-hidden />}
        >
          {words.restoreNew}
        </CanItem>
        <Menu.Divider />
        <CanItem
          why={mayNot}
          onClick={() => modals.open({ title: words.edit, children: <NoteDialog one={one} /> })}
          leftSection={<IconNote size={16} aria-hidden />}
        >
          {words.edit}
        </CanItem>
        <CanItem
          why={mayNot}
          onClick={() => protect.mutate(undefined)}
          leftSection={one.protected ? <IconLockOpen size={16} aria-hidden /> : <IconLock size={16} aria-hidden />}
        >
          {one.protected ? words.unprotect : words.protect}
        </CanItem>
        <Menu.Divider />
        <CanItem
          why={mayNot ?? (one.protected ? words.protect : undefined)}
          onClick={remove}
          color="red"
          leftSection={<IconTrash size={16} aria-hidden />}
        >
          {t.common.remove}
        </CanItem>
      </Menu.Dropdown>
    </Menu>
  )
}

function NoteDialog({ one }: { one: Backup }) {
  const t = useT()
  const form = useForm({ initialValues: { note: one.note ?? '' } })
  return (
    <DialogForm
      label={t.common.save}
      onCancel={() => modals.closeAll()}
      submit={async () => {
        await changeBackup({ path: { id: one.id }, body: form.values })
        void refetch(...stale)
        modals.closeAll()
      }}
    >
      <TextInput data-autofocus label={t.instances.backups.note} {...form.getInputProps('note')} />
    </DialogForm>
  )
}
