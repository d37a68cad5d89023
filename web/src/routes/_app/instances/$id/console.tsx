import { Stack } from '@mantine/core'
import { createFileRoute } from '@tanstack/react-router'
import type { ConsoleKind } from '~/api'
import { askForConsole } from '~/api/gen/sdk.gen'
import { CommandHints } from '~/components/CommandHints'
import { ConsolePanel } from '~/features/consoles/ConsolePanel'
import { useInstance } from '~/features/instances/useInstance'
import { useMayChange } from '~/lib/me'
import { useReason } from '~/lib/problems'

export const Route = createFileRoute('/_app/instances/$id/console')({ component: ConsoleTab })

function ConsoleTab() {
  const instance = useInstance()
  const reason = useReason()
  const mayChange = useMayChange(instance.project_id)
  const why = (kind: ConsoleKind) =>
    mayChange ??
    reason(instance.actions.find((one) => one.action === (kind === 'text' ? 'text_console' : 'graphics_console')))
  return (
    <Stack>
      <ConsolePanel
        key={instance.id}
        kinds={['text', 'graphics']}
        why={why}
        ask={(kind) => askForConsole({ path: { id: instance.id }, body: { kind } })}
      />
      <CommandHints
        hints={[
          {
            cli: `innkeeper instance console ${instance.name}`,
            path: `/api/v1/instances/${instance.id}/consoles`,
            body: { kind: 'text' },
          },
        ]}
      />
    </Stack>
  )
}
