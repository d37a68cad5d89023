import { Button, Card, Badge as Chip, Group, Stack, Text } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { IconDeviceDesktop, IconDeviceMobile } from '@tabler/icons-react'
import { refetch, type Session } from '~/api'
import { endOtherSessions, endSession, listSessions } from '~/api/gen/sdk.gen'
import { usePages } from '~/api/pages'
import { CommandHints } from '~/components/CommandHints'
import { confirm } from '~/components/confirm'
import { Section } from '~/components/Section'
import { Failed, Lines } from '~/components/states'
import { When } from '~/components/When'
import { useT } from '~/i18n'
import { useAct } from '~/lib/act'

/** Where one is signed in, and signing out there. */
export function Sessions() {
  const t = useT()
  const words = t.account.security
  const list = usePages('listSessions', undefined, (asked, signal) => listSessions({ query: asked, signal }), {
    every: 30_000,
  })
  const others = () =>
    confirm({
      title: words.endOthersTitle,
      body: words.endOthersBody,
      label: words.endOthers,
      extra: <CommandHints hints={[{ method: 'DELETE', path: '/api/v1/sessions' }]} />,
      act: async () => {
        const { data } = await endOtherSessions()
        void refetch('listSessions')
        notifications.show({ message: words.endedOthers(data.ended) })
      },
    })
  return (
    <Section
      mt="md"
      title={words.sessions}
      about={words.sessionsAbout}
      action={
        <Button variant="default" onClick={others}>
          {words.endOthers}
        </Button>
      }
    >
      {list.error ? (
        <Failed error={list.error} onRetry={() => void list.refetch()} />
      ) : !list.items ? (
        <Lines count={3} />
      ) : (
        <Stack gap="sm">
          {list.items.map((one) => (
            <SessionLine key={one.id} one={one} />
          ))}
          {list.more && (
            <Button variant="default" onClick={list.more.load} loading={list.more.loading}>
              {t.common.more}
            </Button>
          )}
        </Stack>
      )}
    </Section>
  )
}

/** What a client says it is, in a few words. */
function agent(text: string | null | undefined): string | undefined {
  if (!text) return undefined
  const browser = /(Firefox|Edg|OPR|Chrome|Safari)\/[\d.]+/.exec(text)?.[1]
  const system = /(Android|iPhone|iPad|Windows|Mac OS X|Linux)/.exec(text)?.[1]
  if (!browser) return text.split(/[ /]/)[0]
  return [browser.replace('Edg', 'Edge').replace('OPR', 'Opera'), system?.replace('Mac OS X', 'macOS')]
    .filter(Boolean)
    .join(' · ')
}

function SessionLine({ one }: { one: Session }) {
  const t = useT()
  const words = t.account.security
  const end = useAct(() => endSession({ path: { id: one.id } }), { stale: ['listSessions'] })
  const Icon = /Android|iPhone|Mobile/.test(one.user_agent ?? '') ? IconDeviceMobile : IconDeviceDesktop
  const name = agent(one.user_agent) ?? words.unknownAgent
  return (
    <Card padding="sm" radius="md">
      <Group justify="space-between" gap="sm">
        <Group gap="md" wrap="nowrap">
          <Icon size={22} stroke={1.4} aria-hidden />
          <div>
            <Group gap="xs">
              <Text size="sm" fw={550}>
                {name}
              </Text>
              {one.current && (
                <Chip variant="light" color="teal">
                  {words.thisOne}
                </Chip>
              )}
            </Group>
            <Text size="xs" c="dimmed">
              {one.address} · {words.methods[one.method]} · {words.lastUsed} <When at={one.last_used_at} />
            </Text>
          </div>
        </Group>
        {!one.current && (
          <Button
            size="xs"
            variant="default"
            loading={end.isPending}
            onClick={() => end.mutate(undefined)}
            aria-label={`${words.endSession}: ${name}`}
          >
            {words.endSession}
          </Button>
        )}
      </Group>
    </Card>
  )
}
