import { Alert, Button, Group, Stack, Text } from '@mantine/core'
import { IconMailExclamation, IconMasksTheater, IconUserOff, IconWifiOff } from '@tabler/icons-react'
import { askToVerify } from '~/api/gen/sdk.gen'
import { useStopActing } from '~/features/auth/useStopActing'
import { useT } from '~/i18n'
import { useAct } from '~/lib/act'
import { useMe } from '~/lib/me'

/** What stands above every page as long as it is so. */
export function Banners({ online }: { online: boolean }) {
  const t = useT()
  const me = useMe()
  const resend = useAct(() => askToVerify(), { done: t.shell.resent })
  const stop = useStopActing()
  const { user, standing, impersonation } = me
  const any = !online || standing !== 'good' || impersonation
  if (!any) return null
  return (
    <Stack gap="xs" mb="md">
      {!online && (
        <Alert color="yellow" className="notice" icon={<IconWifiOff aria-hidden />} role="status">
          {t.shell.offline}
        </Alert>
      )}
      {impersonation && (
        <Alert color="grape" className="notice" icon={<IconMasksTheater aria-hidden />}>
          <Group justify="space-between" gap="xs">
            <Text size="sm">{t.shell.actingFor(user.name)}</Text>
            <Button
              size="compact-sm"
              variant="default"
              onClick={() => stop.mutate(impersonation.id)}
              loading={stop.isPending}
            >
              {t.shell.stopActing}
            </Button>
          </Group>
        </Alert>
      )}
      {standing === 'unverified' && (
        <Alert color="yellow" className="notice" icon={<IconMailExclamation aria-hidden />}>
          <Group justify="space-between" gap="xs">
            <Text size="sm">{t.shell.unverified}</Text>
            <Button
              size="compact-sm"
              variant="default"
              onClick={() => resend.mutate(undefined)}
              loading={resend.isPending}
            >
              {t.shell.resend}
            </Button>
          </Group>
        </Alert>
      )}
      {user.suspension && (
        <Alert color="red" icon={<IconUserOff aria-hidden />}>
          {t.shell.suspended(user.suspension.reason)}
        </Alert>
      )}
      {user.ban && (
        <Alert color="red" icon={<IconUserOff aria-hidden />}>
          {t.shell.banned(user.ban.reason)}
        </Alert>
      )}
    </Stack>
  )
}
