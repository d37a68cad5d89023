import { Group, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import { getCommandCapabilityOptions } from '~/api'
import { runCommand } from '~/api/gen/sdk.gen'
import { Section } from '~/components/Section'
import { Badge } from '~/components/StatusBadge'
import { RunCommand } from '~/features/consoles/RunCommand'
import { useInstance } from '~/features/instances/useInstance'
import { useT } from '~/i18n'
import { useMayChange } from '~/lib/me'
import { useReason } from '~/lib/problems'
import { shellWord } from '~/lib/words'

export const Route = createFileRoute('/_app/instances/$id/commands')({ component: CommandsTab })

function CommandsTab() {
  const t = useT()
  const instance = useInstance()
  const reason = useReason()
  const mayChange = useMayChange(instance.project_id)
  const { data: capability } = useQuery(getCommandCapabilityOptions({ path: { id: instance.id } }))
  const none = capability && !capability.by
  const first = capability?.ways[0]
  const why =
    mayChange ??
    reason(instance.actions.find((one) => one.action === 'command')) ??
    (none ? reason({ possible: false, code: first?.reason, reason: first?.message }) : undefined)
  return (
    <Stack>
      <RunCommand
        why={why}
        ways={capability?.ways.filter((one) => one.available).map((one) => one.by)}
        run={(body) => runCommand({ path: { id: instance.id }, body })}
        hint={(body) => ({
          cli: `innkeeper instance run ${instance.name} --script -- ${shellWord('script' in body.command ? body.command.script || 'uname -a' : '')}`,
          path: `/api/v1/instances/${instance.id}/commands`,
          body,
        })}
      />
      <Section title={t.instances.commands.waysTitle}>
        <Stack gap="xs">
          {capability?.ways.map((way) => (
            <Group key={way.by} gap="md" justify="space-between">
              <Badge tone={way.available ? 'good' : 'quiet'}>{t.instances.commands.ways[way.by]}</Badge>
              {!way.available && (
                <Text size="sm" c="dimmed">
                  {reason({ possible: false, code: way.reason, reason: way.message })}
                </Text>
              )}
            </Group>
          ))}
        </Stack>
      </Section>
    </Stack>
  )
}
