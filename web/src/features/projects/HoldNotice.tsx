import { Alert, Box, Group, Text } from '@mantine/core'
import { IconAlertTriangle } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { getBalanceOptions } from '~/api'
import { LinkButton } from '~/components/links'
import { useT } from '~/i18n'

/** Whether the credits of a project are used up. */
function useHeld(projectId: string): boolean {
  const { data } = useQuery(getBalanceOptions({ path: { id: projectId } }))
  return !!data?.billing_hold_since
}

/** Where the credits of a project are used up: what became of its instances, and what helps. */
export function HoldNotice({ projectId }: { projectId: string }) {
  const t = useT()
  if (!useHeld(projectId)) return null
  return (
    <Alert color="red" mb="md" icon={<IconAlertTriangle aria-hidden />} title={t.credits.usedUp} role="alert">
      <Group justify="space-between" gap="sm" align="flex-end">
        <Box flex={1} miw={220}>
          <Text size="sm">{t.credits.usedUpAbout}</Text>
        </Box>
        <LinkButton to="/projects/$id/credits/top-up" params={{ id: projectId }} size="xs" variant="default">
          {t.credits.topUp}
        </LinkButton>
      </Group>
    </Alert>
  )
}
