import { Alert, Stack, Switch, Table, Text } from '@mantine/core'
import { IconBrandDiscord, IconMailOff } from '@tabler/icons-react'
import { getNotificationsOptions, type NotificationChoice, type Notifications, queryClient } from '~/api'
import { chooseNotification } from '~/api/gen/sdk.gen'
import { CommandHints } from '~/components/CommandHints'
import { LinkAnchor } from '~/components/links'
import { useT } from '~/i18n'
import { useAct } from '~/lib/act'
import { useMe } from '~/lib/me'
import { useProblemText } from '~/lib/problems'
import classes from './NotificationChoices.module.css'

const ways = ['email', 'discord'] as const
type Way = (typeof ways)[number]

/** How somebody is told of each kind of thing: a switch for each way. */
export function NotificationChoices({ found }: { found: Notifications }) {
  const words = useT().account.notifications
  const { user } = useMe()
  return (
    <Stack>
      {!found.mails ? (
        <Alert color="yellow" className="notice" icon={<IconMailOff aria-hidden />} role="status">
          {words.noMails}
        </Alert>
      ) : (
        !user.email_verified && (
          <Alert color="yellow" className="notice" icon={<IconMailOff aria-hidden />} role="status">
            {words.notConfirmed}
          </Alert>
        )
      )}
      <Table aria-label={words.choose} className={classes.choices}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{words.what}</Table.Th>
            {ways.map((way) => (
              <Table.Th key={way} className={classes.way}>
                {words.ways[way]}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {found.choices.map((one) => (
            <Choice key={one.kind} one={one} linked={found.discord_linked} />
          ))}
        </Table.Tbody>
      </Table>
      {!found.discord_linked && (
        <Alert color="gray" className="notice" icon={<IconBrandDiscord aria-hidden />} role="note">
          {words.notLinked}{' '}
          <LinkAnchor to="/discord/link" size="sm">
            {words.link}
          </LinkAnchor>
        </Alert>
      )}
      <CommandHints
        hints={[
          {
            cli: 'innkeeper notification set credits --email off',
            method: 'PATCH',
            path: '/api/v1/me/notifications/credits',
            body: { email: false },
          },
        ]}
      />
    </Stack>
  )
}

function Choice({ one, linked }: { one: NotificationChoice; linked: boolean }) {
  const words = useT().account.notifications
  const text = useProblemText()
  const choose = useAct(
    (changed: Partial<Record<Way, boolean>>) => chooseNotification({ path: { kind: one.kind }, body: changed }),
    {
      quiet: true,
      onDone: (now) =>
        queryClient.setQueryData<Notifications>(
          getNotificationsOptions().queryKey,
          (found) =>
            found && { ...found, choices: found.choices.map((other) => (other.kind === now.kind ? now : other)) },
        ),
    },
  )
  const { title, about } = words.kinds[one.kind]
  const last = one.must_arrive && one.email !== one.discord
  const off = (way: Way) => (way === 'discord' && !linked) || (last && one[way])
  // What was just asked for is shown while it is on its way.
  const asked = choose.isPending ? choose.variables : undefined
  return (
    <Table.Tr>
      <Table.Th scope="row" fw={400}>
        <Text size="sm" fw={550}>
          {title}
        </Text>
        <Text size="xs" c="dimmed">
          {about}
          {one.must_arrive && ` ${linked ? words.lastLinked : words.last}`}
        </Text>
        {choose.error != null && (
          <Text size="xs" c="var(--mantine-color-error)" role="alert">
            {text(choose.error)}
          </Text>
        )}
      </Table.Th>
      {ways.map((way) => (
        <Table.Td key={way} className={classes.way}>
          <Switch
            aria-label={words.wayOf(title, words.ways[way])}
            checked={asked?.[way] ?? one[way]}
            disabled={off(way)}
            onChange={(event) => choose.mutate({ [way]: event.currentTarget.checked })}
          />
        </Table.Td>
      ))}
    </Table.Tr>
  )
}
