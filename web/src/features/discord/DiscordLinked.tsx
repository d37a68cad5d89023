import { Button, Group, Text } from '@mantine/core'
import { IconBrandDiscord } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { getDiscordLinkOptions, refetch } from '~/api'
import { unlinkDiscord } from '~/api/gen/sdk.gen'
import { CommandHints } from '~/components/CommandHints'
import { confirm } from '~/components/confirm'
import { LinkButton } from '~/components/links'
import { Section } from '~/components/Section'
import { Answered } from '~/components/states'
import { When } from '~/components/When'
import { useT } from '~/i18n'

/** Asks whether the link with Discord is to end. */
export function useUnlink() {
  const words = useT().discord
  return () =>
    confirm({
      title: words.unlinkTitle,
      body: words.unlinkBody,
      label: words.unlink,
      extra: (
        <CommandHints hints={[{ cli: 'innkeeper discord unlink', method: 'DELETE', path: '/api/v1/discord/links' }]} />
      ),
      act: () => unlinkDiscord().then(() => refetch('getDiscordLink', 'getNotifications')),
    })
}

/** One's account at Discord, as a part of the page about security. */
export function DiscordLinked() {
  const words = useT().discord
  const query = useQuery(getDiscordLinkOptions())
  const unlink = useUnlink()
  return (
    <Section title={words.linkedTitle} about={words.linkedAbout}>
      <Answered query={query} lines={2}>
        {(link) =>
          link ? (
            <Group justify="space-between">
              <Group gap="sm" wrap="nowrap">
                <IconBrandDiscord size={20} stroke={1.5} aria-hidden />
                <div>
                  <Text size="sm" fw={550}>
                    {link.name}
                  </Text>
                  <Text size="xs" c="dimmed">
                    {words.since} <When at={link.linked_at} />
                  </Text>
                </div>
              </Group>
              <Button size="xs" variant="default" onClick={unlink}>
                {words.unlink}
              </Button>
            </Group>
          ) : (
            <Group justify="space-between" gap="sm">
              <Text size="sm" c="dimmed" flex="1 1 220px">
                {words.notLinked}
              </Text>
              <LinkButton to="/discord/link" variant="default">
                {words.enterCode}
              </LinkButton>
            </Group>
          )
        }
      </Answered>
    </Section>
  )
}
