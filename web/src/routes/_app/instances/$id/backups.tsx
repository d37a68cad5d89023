import { Group, Stack, Text, Title } from '@mantine/core'
import { modals } from '@mantine/modals'
import { IconDatabaseExport } from '@tabler/icons-react'
import { createFileRoute } from '@tanstack/react-router'
import { listInstanceBackups } from '~/api/gen/sdk.gen'
import { usePages } from '~/api/pages'
import { CanButton } from '~/components/Can'
import { BackupTable } from '~/features/backups/BackupTable'
import { MakeDialog } from '~/features/backups/MakeDialog'
import { Schedules } from '~/features/backups/Schedules'
import { useInstance } from '~/features/instances/useInstance'
import { useT } from '~/i18n'
import { useMayChange } from '~/lib/me'
import { useReason } from '~/lib/problems'

export const Route = createFileRoute('/_app/instances/$id/backups')({ component: BackupsTab })

function BackupsTab() {
  const t = useT()
  const words = t.instances.backups
  const instance = useInstance()
  const reason = useReason()
  const mayNot = useMayChange(instance.project_id)
  const list = usePages('listInstanceBackups', instance.id, (asked, signal) =>
    listInstanceBackups({ path: { id: instance.id }, query: asked, signal }),
  )
  return (
    <Stack>
      <Group justify="space-between" align="flex-start">
        <div style={{ flex: '1 1 260px' }}>
          <Title order={2} size="h5">
            {t.instances.tabs.backups}
          </Title>
          <Text size="sm" c="dimmed">
            {words.about}
          </Text>
        </div>
        <CanButton
          why={mayNot ?? reason(instance.actions.find((one) => one.action === 'backup'))}
          leftSection={<IconDatabaseExport size={16} aria-hidden />}
          onClick={() =>
            modals.open({
              title: words.make,
              children: <MakeDialog instance={instance} onDone={() => modals.closeAll()} />,
            })
          }
        >
          {words.make}
        </CanButton>
      </Group>
      <BackupTable
        rows={list.items?.filter((one) => one.state !== 'deleted')}
        error={list.error}
        onRetry={() => void list.refetch()}
        more={list.more}
        instances={new Map([[instance.id, instance]])}
      />
      <Schedules instance={instance} />
    </Stack>
  )
}
