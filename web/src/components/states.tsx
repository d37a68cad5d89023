import { Alert, Box, Button, Center, Group, Skeleton, Stack, Text, ThemeIcon, Title } from '@mantine/core'
import { IconAlertTriangle, IconFilterOff, IconRefresh, type TablerIcon } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { isProblem } from '~/api'
import { useT } from '~/i18n'
import { useProblemText } from '~/lib/problems'

/** There is nothing: what it is, why, and what to do. With `unfilter`, that is because nothing matches the filters. */
export function Nothing({
  icon,
  title,
  children,
  action,
  order = 2,
  unfilter,
}: {
  icon: TablerIcon
  order?: 1 | 2
  title: string
  children?: ReactNode
  action?: ReactNode
  /** Takes the filters away; nothing where there are none. */
  unfilter?: (() => void) | false | undefined
}) {
  const t = useT()
  const Icon = unfilter ? IconFilterOff : icon
  const about = unfilter ? t.common.nothingMatchesHint : children
  const remedy = unfilter ? (
    <Button variant="default" onClick={unfilter}>
      {t.common.clearFilters}
    </Button>
  ) : (
    action
  )
  return (
    <Center py={56} px="md">
      <Stack align="center" gap="sm" maw={440} ta="center">
        <ThemeIcon size={56} radius="xl" variant="light" color="indigo">
          <Icon size={28} stroke={1.5} aria-hidden />
        </ThemeIcon>
        <Title order={order} size="h4">
          {unfilter ? t.common.nothingMatches : title}
        </Title>
        {about && (
          <Text c="dimmed" size="sm" component="div">
            {about}
          </Text>
        )}
        {remedy && <Box mt="xs">{remedy}</Box>}
      </Stack>
    </Center>
  )
}

/** Something could not be loaded: what the house said, and another try. */
export function Failed({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const t = useT()
  const text = useProblemText()
  return (
    <Alert color="red" variant="light" icon={<IconAlertTriangle aria-hidden />} title={t.common.failed} role="alert">
      <Group justify="space-between" gap="sm" align="flex-end">
        <Box flex={1} miw={200}>
          <Text size="sm">{text(error)}</Text>
          {isProblem(error) && error.remedy && (
            <Text size="sm" c="dimmed">
              {error.remedy}
            </Text>
          )}
        </Box>
        {onRetry && (
          <Button size="xs" variant="default" leftSection={<IconRefresh size={14} aria-hidden />} onClick={onRetry}>
            {t.common.retry}
          </Button>
        )}
      </Group>
    </Alert>
  )
}

/** Lines that stand where something is on its way. */
export function Lines({ count = 4, height = 18 }: { count?: number; height?: number }) {
  return (
    <Stack gap="sm" aria-hidden>
      {Array.from({ length: count }, (_, n) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: they are all alike
        <Skeleton key={n} h={height} w={`${96 - ((n * 17) % 30)}%`} />
      ))}
    </Stack>
  )
}

type Query<T> = { data: T | undefined; error: unknown; refetch: () => unknown }

/** What a question answered; until then lines, and instead of it what went wrong. */
export function Answered<T>({
  query,
  lines = 4,
  children,
}: {
  query: Query<T>
  lines?: number
  children: (data: T) => ReactNode
}) {
  if (query.data !== undefined) return children(query.data)
  if (query.error) return <Failed error={query.error} onRetry={() => void query.refetch()} />
  return <Lines count={lines} />
}
