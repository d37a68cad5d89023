import { Avatar, Box, Group, Progress, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getServicePlayersOptions, hasCode, type Service, type ServiceAnswer } from '~/api'
import { CommandHints } from '~/components/CommandHints'
import { Section } from '~/components/Section'
import { Failed, Lines } from '~/components/states'
import { useT } from '~/i18n'
import { serviceHints } from './hints'
import classes from './Players.module.css'

/** As many places are drawn one by one; more are a bar. */
const DRAWN = 60

/** Who plays, and how many places there are. */
export function Players({ service }: { service: Service }) {
  const words = useT().services
  const query = useQuery({
    ...getServicePlayersOptions({ path: { id: service.id } }),
    enabled: service.state === 'up',
    retry: false,
    refetchInterval: 30_000,
  })
  const said =
    service.state !== 'up' || hasCode(query.error, 'service_not_up')
      ? words.notUp
      : hasCode(query.error, 'not_counted')
        ? words.notCounted
        : undefined
  return (
    <Section title={words.playersTitle}>
      {said ? (
        <Text size="sm" c="dimmed">
          {said}
        </Text>
      ) : query.data ? (
        <There answer={query.data} />
      ) : query.error ? (
        <Failed error={query.error} onRetry={() => void query.refetch()} />
      ) : (
        <Lines count={2} />
      )}
      <Box mt="md">
        <CommandHints hints={[serviceHints(service).players]} />
      </Box>
    </Section>
  )
}

function There({ answer }: { answer: ServiceAnswer }) {
  const words = useT().services
  const { names, players, most } = answer
  if (players == null)
    return (
      <Text size="sm" c="dimmed">
        {words.notCounted}
      </Text>
    )
  const unnamed = Math.max(0, players - names.length)
  return (
    <Stack>
      <Group gap="md" align="baseline">
        <Text fz={28} fw={650} lh={1} className="tnum">
          {players}
        </Text>
        <Text size="sm" c="dimmed">
          {most == null ? words.players(players) : words.places(players, most)}
        </Text>
      </Group>
      {most != null && most > 0 && <Places taken={players} all={most} />}
      {players === 0 ? (
        <Text size="sm" c="dimmed">
          {words.nobody}
        </Text>
      ) : (
        <Group component="ul" gap="md" p={0} m={0} style={{ listStyle: 'none' }} aria-label={words.playersTitle}>
          {names.map((name) => (
            <Group key={name} component="li" gap={8}>
              <Avatar size={28} radius="md" name={name} color="initials" aria-hidden />
              <Text size="sm">{name}</Text>
            </Group>
          ))}
          {unnamed > 0 && (
            <Text size="sm" c="dimmed" component="li">
              {names.length ? words.unnamed(unnamed) : words.players(unnamed)}
            </Text>
          )}
        </Group>
      )}
    </Stack>
  )
}

function Places({ taken, all }: { taken: number; all: number }) {
  const words = useT().services
  const label = words.places(taken, all)
  if (all > DRAWN) return <Progress value={(taken / all) * 100} color="teal" size={10} aria-label={label} />
  return (
    <div className={classes.places} role="img" aria-label={label}>
      {Array.from({ length: Math.max(all, taken) }, (_, n) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: they are all alike
        <span key={n} className={classes.place} data-taken={n < taken || undefined} />
      ))}
    </div>
  )
}
