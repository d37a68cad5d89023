import { Alert, Button, Card, Group, SegmentedControl, Skeleton, Stack, Text } from '@mantine/core'
import { IconMaximize, IconTerminal2 } from '@tabler/icons-react'
import { lazy, Suspense, useCallback, useRef, useState } from 'react'
import type { ConsoleKind, ConsoleOffered } from '~/api'
import { Badge } from '~/components/StatusBadge'
import { useT } from '~/i18n'
import { useProblemText } from '~/lib/problems'

const TextConsole = lazy(() => import('./TextConsole'))
const GraphicsConsole = lazy(() => import('./GraphicsConsole'))

export type Closed = { code: number; reason: string }
export type ConsoleProps = { offered: ConsoleOffered; onOpen: () => void; onClose: (closed: Closed) => void }

/** Where the socket of a console is. */
export function socketUrl(offered: ConsoleOffered) {
  const url = new URL(offered.url, location.href)
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  return url.href
}

/** A console, opened by a ticket that is asked for when somebody wants it. `why` tells why a kind cannot be had now. */
export function ConsolePanel({
  ask,
  why,
  kinds,
}: {
  ask: (kind: ConsoleKind) => Promise<{ data: ConsoleOffered }>
  why: (kind: ConsoleKind) => string | undefined
  kinds: ConsoleKind[]
}) {
  const t = useT()
  const text = useProblemText()
  const frame = useRef<HTMLDivElement>(null)
  const [kind, setKind] = useState<ConsoleKind>(kinds[0] ?? 'text')
  const [offered, setOffered] = useState<ConsoleOffered>()
  const [state, setState] = useState<'none' | 'opening' | 'open' | 'closed'>('none')
  const [said, setSaid] = useState<string>()
  const words = t.instances.console

  const open = async () => {
    setState('opening')
    setSaid(undefined)
    try {
      setOffered((await ask(kind)).data)
    } catch (error) {
      setOffered(undefined)
      setState('closed')
      setSaid(text(error))
    }
  }
  const closed = useCallback(
    ({ code, reason }: Closed) => {
      setState('closed')
      setSaid(words.reasons[code] ?? (reason || words.reasons[1006]))
    },
    [words],
  )
  const opened = useCallback(() => setState('open'), [])
  const choose = (next: string) => {
    setKind(next as ConsoleKind)
    setOffered(undefined)
    setState('none')
    setSaid(undefined)
  }
  const barred = why(kind)
  const shown = { none: undefined, opening: words.opening, open: words.open, closed: words.closed }[state]
  return (
    <Stack gap="sm">
      <Group justify="space-between" gap="sm">
        <Group gap="md">
          {kinds.length > 1 && (
            <SegmentedControl
              value={kind}
              onChange={choose}
              aria-label={t.instances.tabs.console}
              data={kinds.map((one) => ({ value: one, label: words[one] }))}
            />
          )}
          {shown && (
            <span role="status">
              <Badge
                tone={state === 'open' ? 'good' : state === 'opening' ? 'busy' : 'quiet'}
                busy={state === 'opening'}
              >
                {shown}
              </Badge>
            </span>
          )}
        </Group>
        <Group gap="xs">
          {state === 'open' && (
            <Button
              variant="default"
              size="xs"
              leftSection={<IconMaximize size={14} aria-hidden />}
              onClick={() => void frame.current?.requestFullscreen()}
            >
              {words.fullscreen}
            </Button>
          )}
          {(state === 'none' || state === 'closed') && (
            <Button
              onClick={() => void open()}
              leftSection={<IconTerminal2 size={16} aria-hidden />}
              disabled={!!barred}
            >
              {state === 'closed' ? words.again : words.connect}
            </Button>
          )}
        </Group>
      </Group>
      {(said ?? barred) && (
        <Alert color={state === 'closed' ? 'yellow' : 'gray'} className="notice" role="status">
          {said ?? barred}
        </Alert>
      )}
      {offered && state !== 'none' ? (
        <div ref={frame} className="console" data-closed={state === 'closed' || undefined}>
          <Suspense fallback={<Skeleton h={460} />}>
            {offered.kind === 'text' ? (
              <TextConsole key={offered.id} offered={offered} onOpen={opened} onClose={closed} />
            ) : (
              <GraphicsConsole key={offered.id} offered={offered} onOpen={opened} onClose={closed} />
            )}
          </Suspense>
        </div>
      ) : (
        <Card className="console" mih={280} style={{ display: 'grid', placeItems: 'center' }}>
          <Text c="#9aa2b4" size="sm" ta="center" maw={380}>
            {words.hint}
          </Text>
        </Card>
      )}
    </Stack>
  )
}
