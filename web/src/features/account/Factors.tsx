import { Button, Group, Stack, Text } from '@mantine/core'
import { modals } from '@mantine/modals'
import { notifications } from '@mantine/notifications'
import { useQuery } from '@tanstack/react-query'
import { getFactorsOptions, refetch } from '~/api'
import { offerTotp, removeTotp, renewRecoveryCodes } from '~/api/gen/sdk.gen'
import { Section } from '~/components/Section'
import { Badge } from '~/components/StatusBadge'
import { useT } from '~/i18n'
import { askAgain } from './AgainDialog'
import { showRecoveryCodes, TotpDialog } from './TotpDialog'

/** What is asked for besides the password: codes of an app, and codes for when it is lost. */
export function Factors() {
  const t = useT()
  const words = t.account.security
  const { data: factors } = useQuery(getFactorsOptions())
  const stale = () => void refetch('getFactors')
  const on = () =>
    askAgain({
      title: words.totp,
      about: words.totpAbout,
      label: t.auth.continue,
      act: async (again) => {
        const { data } = await offerTotp({ body: again })
        modals.closeAll()
        modals.open({
          title: words.totp,
          size: 'lg',
          closeOnClickOutside: false,
          children: <TotpDialog offer={data} />,
        })
      },
    })
  const off = () =>
    askAgain({
      title: words.totpRemove,
      label: words.totpRemove,
      danger: true,
      act: async (again) => {
        await removeTotp({ body: again })
        stale()
        modals.closeAll()
        notifications.show({ message: words.totpRemoved })
      },
    })
  const renew = () =>
    askAgain({
      title: words.recovery,
      about: words.recoveryAbout,
      label: words.recoveryRenew,
      act: async (again) => {
        const { data } = await renewRecoveryCodes({ body: again })
        stale()
        modals.closeAll()
        showRecoveryCodes(words.recoveryTitle, data.recovery_codes, t.common.savedIt)
      },
    })
  return (
    <Section
      title={words.totp}
      about={words.totpAbout}
      action={
        factors && <Badge tone={factors.totp ? 'good' : 'quiet'}>{factors.totp ? words.totpOn : words.totpOff}</Badge>
      }
    >
      <Stack>
        <Group>
          {factors?.totp ? (
            <Button variant="light" color="red" onClick={off}>
              {words.totpRemove}
            </Button>
          ) : (
            <Button variant="default" onClick={on} disabled={!factors}>
              {words.totpAdd}
            </Button>
          )}
        </Group>
        {factors && (factors.totp || factors.passkeys > 0) && (
          <Group justify="space-between">
            <div>
              <Text size="sm" fw={500}>
                {words.recovery}
              </Text>
              <Text size="sm" c="dimmed">
                {words.recoveryLeft(factors.recovery_codes)}
              </Text>
            </div>
            <Button variant="default" onClick={renew}>
              {words.recoveryRenew}
            </Button>
          </Group>
        )}
      </Stack>
    </Section>
  )
}
