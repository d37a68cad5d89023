import { ActionIcon, Box, Divider, Group, Loader, Popover, ScrollArea, Stack, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { notifications } from '@mantine/notifications'
import { IconListCheck } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useEffect } from 'react'
import { listOperationsOptions, type Operation, queryClient } from '~/api'
import { getOperation } from '~/api/gen/sdk.gen'
import { onEvent } from '~/app/live'
import { OperationStatus } from '~/components/StatusBadge'
import { When } from '~/components/When'
import { allInstances, useInstanceNames } from '~/features/instances/queries'
import { useT } from '~/i18n'
import { useMe } from '~/lib/me'
import { LinkAnchor } from '../links'
import classes from './AppLayout.module.css'

/** How many operations are under way, and what the last ones were. Failed ones of one's own are told wherever one is. */
export function TaskButton() {
  const t = useT()
  const me = useMe()
  const [opened, { toggle, close }] = useDisclosure()
  const { data: active } = useQuery(listOperationsOptions({ query: { active: true, limit: 50 } }))
  const { data: recent } = useQuery({ ...listOperationsOptions({ query: { limit: 8 } }), enabled: opened })
  const names = useInstanceNames(opened)
  const running = active?.items.length ?? 0

  useEffect(
    () =>
      onEvent((event) => {
        if (event.subject !== 'operation' || event.what !== 'failed') return
        void getOperation({ path: { id: event.subject_id } }).then(({ data }) => {
          if (data.asked_by !== me.user.id) return
          const list = queryClient.getQueryData(allInstances().queryKey)
          const name = list?.find((one) => one.id === data.instance_id)?.name ?? data.instance_id
          notifications.show({
            color: 'red',
            title: t.operations.failedToast(t.operations.verbs[data.verb], name),
            message: data.error?.message ?? '',
            autoClose: 12_000,
          })
        })
      }),
    [me.user.id, t],
  )

  return (
    <Popover opened={opened} onDismiss={close} position="bottom-end" width={340} shadow="md" trapFocus returnFocus>
      <Popover.Target>
        <ActionIcon
          variant="subtle"
          color="gray"
          size="lg"
          className={classes.tasks}
          onClick={toggle}
          aria-label={running ? `${t.shell.tasks}: ${t.shell.tasksRunning(running)}` : t.shell.tasks}
        >
          {running ? <Loader size={18} color="indigo" aria-hidden /> : <IconListCheck size={19} />}
          {running > 0 && (
            <span className={classes.count} aria-hidden>
              {running}
            </span>
          )}
        </ActionIcon>
      </Popover.Target>
      <Popover.Dropdown p={6} aria-label={t.shell.tasks}>
        <Group justify="space-between" px={10} py={6}>
          <Text size="sm" fw={600}>
            {t.shell.tasks}
          </Text>
          <Text size="xs" c="dimmed">
            {running ? t.shell.tasksRunning(running) : t.shell.tasksNone}
          </Text>
        </Group>
        <ScrollArea.Autosize mah={360}>
          <Stack gap={0}>
            {recent?.items.map((one) => (
              <Task key={one.id} one={one} name={names.get(one.instance_id)} onClick={close} />
            ))}
          </Stack>
        </ScrollArea.Autosize>
        <Divider my={6} />
        <Box px={10} pb={4}>
          <LinkAnchor to="/activity" size="sm" onClick={close}>
            {t.shell.tasksAll}
          </LinkAnchor>
        </Box>
      </Popover.Dropdown>
    </Popover>
  )
}

function Task({ one, name, onClick }: { one: Operation; name: string | undefined; onClick: () => void }) {
  const t = useT()
  return (
    <Link
      to="/instances/$id/activity"
      params={{ id: one.instance_id }}
      search={{ operation: one.id }}
      className={classes.task}
      onClick={onClick}
    >
      <Group justify="space-between" wrap="nowrap" gap="xs">
        <Text size="sm" truncate>
          {t.operations.verbs[one.verb]} <b>{name ?? ''}</b>
        </Text>
        <Text size="xs" c="dimmed">
          <When at={one.ended_at ?? one.created_at} />
        </Text>
      </Group>
      <OperationStatus state={one.state} />
    </Link>
  )
}
