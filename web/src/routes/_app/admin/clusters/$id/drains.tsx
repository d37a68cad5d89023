import { Button, Card, Group, Progress, Stack, Text, Title } from '@mantine/core'
import { IconTruck } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import { type Drain, type DrainState, getDrainOptions, refetch } from '~/api'
import { listDrains, stopDrain } from '~/api/gen/sdk.gen'
import { usePages } from '~/api/pages'
import { CommandHints } from '~/components/CommandHints'
import { confirm } from '~/components/confirm'
import { Badge, type Tone } from '~/components/StatusBadge'
import { Answered, Failed, Lines, Nothing } from '~/components/states'
import { When } from '~/components/When'
import { Moves } from '~/features/admin/clusters/Moves'
import { useUserNames } from '~/features/admin/names'
import { useT } from '~/i18n'

export const Route = createFileRoute('/_app/admin/clusters/$id/drains')({ component: Drains })

const tones: Record<DrainState, Tone> = { running: 'busy', done: 'good', incomplete: 'warn', stopped: 'quiet' }

function Drains() {
  const t = useT()
  const words = t.admin.clusters
  const { id } = Route.useParams()
  const list = usePages('listDrains', undefined, (asked, signal) => listDrains({ query: asked, signal }))
  if (list.error) return <Failed error={list.error} onRetry={() => void list.refetch()} />
  if (!list.items) return <Lines />
  const here = list.items.filter((one) => one.cluster_id === id)
  if (here.length === 0)
    return (
      <Card padding={0}>
        <Nothing icon={IconTruck} title={words.drainsNone}>
          {words.drainsHint}
        </Nothing>
      </Card>
    )
  return (
    <Stack>
      {here.map((one) => (
        <DrainCard key={one.id} one={one} />
      ))}
      {list.more && (
        <Group justify="center">
          <Button variant="default" onClick={list.more.load} loading={list.more.loading}>
            {t.common.more}
          </Button>
        </Group>
      )}
    </Stack>
  )
}

function DrainCard({ one }: { one: Drain }) {
  const t = useT()
  const words = t.admin.clusters
  const people = useUserNames()
  const running = one.state === 'running'
  const query = useQuery({
    ...getDrainOptions({ path: { id: one.id } }),
    // Moves are not told of one by one: while it runs, it is asked how it goes.
    refetchInterval: ({ state }) => ((state.data?.drain.state ?? one.state) === 'running' ? 2000 : false),
  })
  const drain = query.data?.drain ?? one
  const moves = query.data?.moves ?? []
  const gone = moves.filter((move) => move.state === 'moved').length
  return (
    <Card component="article" aria-label={words.drainOf(one.node)}>
      <Group justify="space-between" mb="xs">
        <div>
          <Title order={2} size="h5">
            {words.drainOf(one.node)}
          </Title>
          <Text size="xs" c="dimmed">
            <When at={one.created_at} />
            {one.asked_by && ` · ${people.get(one.asked_by) ?? ''}`}
          </Text>
        </div>
        <Group gap="md">
          <Badge tone={tones[drain.state]} busy={drain.state === 'running'}>
            {words.drainStates[drain.state]}
          </Badge>
          {running && (
            <Button
              size="xs"
              variant="default"
              onClick={() =>
                confirm({
                  title: words.drainStopTitle(one.node),
                  body: words.drainStopBody,
                  label: words.drainStop,
                  extra: (
                    <CommandHints
                      hints={[{ cli: `innkeeper drain stop ${one.id}`, path: `/api/v1/drains/${one.id}/stop` }]}
                    />
                  ),
                  act: () => stopDrain({ path: { id: one.id } }).then(() => refetch('listDrains', 'getDrain')),
                })
              }
            >
              {words.drainStop}
            </Button>
          )}
        </Group>
      </Group>
      {moves.length > 0 && (
        <Progress
          mb="xs"
          size={6}
          value={(gone / moves.length) * 100}
          color={drain.state === 'incomplete' ? 'orange' : 'teal'}
          aria-label={words.moved(gone, moves.length)}
        />
      )}
      <Answered query={query} lines={2}>
        {({ moves }) =>
          moves.length === 0 ? (
            <Text size="sm" c="dimmed">
              {words.drainEmpty}
            </Text>
          ) : (
            <Moves moves={moves} />
          )
        }
      </Answered>
    </Card>
  )
}
