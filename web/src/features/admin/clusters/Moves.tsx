import { Group, Text } from '@mantine/core'
import { IconArrowRight } from '@tabler/icons-react'
import type { Move, MoveState } from '~/api'
import { LinkAnchor } from '~/components/links'
import { Badge, type Tone } from '~/components/StatusBadge'
import { useInstanceNames } from '~/features/instances/queries'
import { useT } from '~/i18n'

const tones: Record<MoveState, Tone> = { waiting: 'quiet', moving: 'busy', moved: 'good', remains: 'bad' }

/** Where each instance of a node goes and how, or why it remains. Plans stand in dialogs, where nothing is linked. */
export function Moves({ moves, planned }: { moves: Move[]; planned?: boolean }) {
  const t = useT()
  const words = t.admin.clusters
  const names = useInstanceNames()
  return (
    <ul style={{ listStyle: 'none', margin: 0, padding: 0 }} aria-label={words.moves}>
      {moves.map((one) => (
        <Group key={one.instance_id} component="li" justify="space-between" py={8} gap="xs" className="line">
          <div style={{ minWidth: 0, flex: '1 1 200px' }}>
            <Group gap={6} wrap="nowrap">
              {planned ? (
                <Text size="sm" fw={550} truncate>
                  {names.get(one.instance_id) ?? one.instance_id}
                </Text>
              ) : (
                <LinkAnchor
                  to="/instances/$id"
                  params={{ id: one.instance_id }}
                  size="sm"
                  fw={550}
                  c="inherit"
                  truncate
                >
                  {names.get(one.instance_id) ?? one.instance_id}
                </LinkAnchor>
              )}
              {one.to && (
                <>
                  <IconArrowRight size={14} aria-label={words.to} role="img" />
                  <Text size="sm">
                    {one.to}
                    {one.storage ? ` (${one.storage})` : ''}
                  </Text>
                </>
              )}
            </Group>
            <Text size="xs" c={one.state === 'remains' ? 'red' : 'dimmed'}>
              {one.reason ?? (one.manner ? words.manners[one.manner] : '')}
            </Text>
          </div>
          {planned && one.state === 'waiting' ? (
            <Badge tone="busy">{words.willMove}</Badge>
          ) : (
            <Badge tone={tones[one.state]} busy={one.state === 'moving'}>
              {words.moveStates[one.state]}
            </Badge>
          )}
        </Group>
      ))}
    </ul>
  )
}
