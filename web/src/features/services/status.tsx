import { Box, Text } from '@mantine/core'
import {
  IconBrandMinecraft,
  IconCircleCheck,
  IconCircleX,
  IconLoader,
  IconPlugConnected,
  IconQuestionMark,
  IconWorld,
  type TablerIcon,
} from '@tabler/icons-react'
import type { Service, ServiceKind, ServiceState } from '~/api'
import { type Tone, tones } from '~/components/StatusBadge'
import { useT } from '~/i18n'

const looks: Record<ServiceState | 'unseen', { tone: Tone; icon: TablerIcon; busy?: boolean }> = {
  up: { tone: 'good', icon: IconCircleCheck },
  starting: { tone: 'busy', icon: IconLoader, busy: true },
  down: { tone: 'quiet', icon: IconCircleX },
  unreadable: { tone: 'warn', icon: IconQuestionMark },
  unseen: { tone: 'quiet', icon: IconQuestionMark },
}

/** How a service was last seen: a picture and a word. */
export function ServiceStatus({ state, size = 'sm' }: { state: Service['state']; size?: 'xs' | 'sm' }) {
  const t = useT()
  const { tone, icon: Icon, busy } = looks[state ?? 'unseen']
  return (
    <Box component="span" style={{ display: 'inline-flex', alignItems: 'center', gap: 7, whiteSpace: 'nowrap' }}>
      <Icon size={16} aria-hidden className="dot" data-busy={busy || undefined} color={tones[tone]} />
      <Text component="span" size={size}>
        {t.services.states[state ?? 'unseen']}
      </Text>
    </Box>
  )
}

/** The same as the great thing of a page. */
export function ServiceEmblem({ service, size = 64 }: { service: Service; size?: number }) {
  const { tone, busy } = looks[service.state ?? 'unseen']
  const Icon = kindIcons[service.kind]
  return (
    <Box
      w={size}
      h={size}
      style={{
        flex: 'none',
        display: 'grid',
        placeItems: 'center',
        borderRadius: size / 3.4,
        color: tones[tone],
        background: `color-mix(in srgb, ${tones[tone]} 15%, transparent)`,
      }}
    >
      <Icon size={size / 2} stroke={1.6} aria-hidden className="dot" data-busy={busy || undefined} />
    </Box>
  )
}

export const kindIcons: Record<ServiceKind, TablerIcon> = {
  minecraft_java: IconBrandMinecraft,
  minecraft_bedrock: IconBrandMinecraft,
  tcp: IconPlugConnected,
  http: IconWorld,
}

/** How many of how many play; nothing where the service does not say. */
export function useCount() {
  const words = useT().services
  return ({ answer, state }: Pick<Service, 'answer' | 'state'>) => {
    if (state !== 'up' || answer?.players == null) return undefined
    return answer.most == null ? words.players(answer.players) : words.playersOf(answer.players, answer.most)
  }
}
