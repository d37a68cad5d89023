import { ActionIcon, Badge, Button, Card, Group, Menu, Stack, Text } from '@mantine/core'
import { modals } from '@mantine/modals'
import { IconCamera, IconDots, IconHistory, IconRefresh, IconTrash } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import { listSnapshotsOptions, queryClient, type Snapshot } from '~/api'
import { deleteSnapshot, listSnapshots, rollBack } from '~/api/gen/sdk.gen'
import { CanButton, CanItem } from '~/components/Can'
import { CommandHints } from '~/components/CommandHints'
import { confirm } from '~/components/confirm'
import { Section } from '~/components/Section'
import { Answered, Nothing } from '~/components/states'
import { When } from '~/components/When'
import { settle } from '~/features/instances/actions'
import { SnapshotDialog } from '~/features/instances/dialogs/SnapshotDialog'
import { useInstance } from '~/features/instances/useInstance'
import { useT } from '~/i18n'
import { useAct } from '~/lib/act'
import { useMayChange } from '~/lib/me'
import { useReason } from '~/lib/problems'

export const Route = createFileRoute('/_app/instances/$id/snapshots')({ component: SnapshotsTab })

function SnapshotsTab() {
  const t = useT()
  const words = t.instances.snapshots
  const instance = useInstance()
  const reason = useReason()
  const mayChange = useMayChange(instance.project_id)
  const options = listSnapshotsOptions({ path: { id: instance.id } })
  const query = useQuery(options)
  const look = useAct(() => listSnapshots({ path: { id: instance.id }, query: { fresh: true } }), {
    onDone: (fresh) => queryClient.setQueryData(options.queryKey, fresh),
  })
  const why = (action: 'snapshot' | 'rollback' | 'delete_snapshot') =>
    mayChange ?? reason(instance.actions.find((one) => one.action === action))
  const make = () =>
    modals.open({
      title: words.make,
      children: <SnapshotDialog instance={instance} onDone={() => modals.closeAll()} />,
    })
  return (
    <Section
      title={t.instances.tabs.snapshots}
      about={words.about}
      action={
        <>
          <Button
            variant="default"
            leftSection={<IconRefresh size={16} aria-hidden />}
            loading={look.isPending}
            onClick={() => look.mutate(undefined)}
          >
            {words.refresh}
          </Button>
          <CanButton why={why('snapshot')} onClick={make} leftSection={<IconCamera size={16} aria-hidden />}>
            {words.make}
          </CanButton>
        </>
      }
    >
      <Answered query={query}>
        {(snapshots) =>
          snapshots.items.length === 0 ? (
            <Nothing icon={IconCamera} title={words.empty}>
              {words.emptyHint}
            </Nothing>
          ) : (
            <Stack gap="sm">
              {snapshots.items.map((one) => (
                <Line key={one.name} one={one} why={why} />
              ))}
              <Text size="xs" c="dimmed">
                {words.seen} <When at={snapshots.seen_at} />
              </Text>
            </Stack>
          )
        }
      </Answered>
    </Section>
  )
}

function Line({ one, why }: { one: Snapshot; why: (action: 'rollback' | 'delete_snapshot') => string | undefined }) {
  const t = useT()
  const words = t.instances.snapshots
  const { id, name } = useInstance()
  const path = { id, name: one.name }
  const url = `/api/v1/instances/${id}/snapshots/${one.name}`
  const back = () =>
    confirm({
      title: words.rollbackTitle(one.name),
      body: words.rollbackBody,
      label: words.rollback,
      extra: (
        <CommandHints hints={[{ cli: `innkeeper snapshot rollback ${name} ${one.name}`, path: `${url}/rollback` }]} />
      ),
      act: async () => settle((await rollBack({ path })).data, id),
    })
  const remove = () =>
    confirm({
      title: words.deleteTitle(one.name),
      body: words.deleteBody,
      label: t.common.remove,
      extra: (
        <CommandHints hints={[{ cli: `innkeeper snapshot delete ${name} ${one.name}`, method: 'DELETE', path: url }]} />
      ),
      act: async () => settle((await deleteSnapshot({ path })).data, id),
    })
  return (
    <Card padding="sm" radius="md">
      <Group justify="space-between" wrap="nowrap">
        <div style={{ minWidth: 0 }}>
          <Group gap="xs">
            <Text size="sm" fw={550}>
              {one.name}
            </Text>
            {one.memory && <Badge variant="light">{words.withMemory}</Badge>}
          </Group>
          <Text size="xs" c="dimmed">
            <When at={one.made_at} /> {one.description && `· ${one.description}`}
          </Text>
        </div>
        <Menu position="bottom-end">
          <Menu.Target>
            <ActionIcon variant="subtle" color="gray" aria-label={t.common.actionsFor(one.name)}>
              <IconDots size={18} />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            <CanItem why={why('rollback')} onClick={back} leftSection={<IconHistory size={16} aria-hidden />}>
              {words.rollback}
            </CanItem>
            <CanItem
              why={why('delete_snapshot')}
              onClick={remove}
              color="red"
              leftSection={<IconTrash size={16} aria-hidden />}
            >
              {t.common.remove}
            </CanItem>
          </Menu.Dropdown>
        </Menu>
      </Group>
    </Card>
  )
}
