import { Box, Code, Group, PinInput, Stack, Text } from '@mantine/core'
import { modals } from '@mantine/modals'
import { notifications } from '@mantine/notifications'
import { useState } from 'react'
import { renderSVG } from 'uqr'
import { refetch, type TotpOffer } from '~/api'
import { confirmTotp } from '~/api/gen/sdk.gen'
import { DialogForm } from '~/components/DialogForm'
import { Copy, showSecret } from '~/components/SecretOnce'
import { useT } from '~/i18n'

/** Shows the secret for an authenticator, and takes the first code of it. */
export function TotpDialog({ offer }: { offer: TotpOffer }) {
  const t = useT()
  const words = t.account.security
  const [code, setCode] = useState('')
  const [svg] = useState(() => `data:image/svg+xml;utf8,${encodeURIComponent(renderSVG(offer.uri, { border: 2 }))}`)
  return (
    <DialogForm
      about={words.totpScan}
      label={words.totpConfirm}
      disabled={code.length < 6}
      onCancel={() => modals.closeAll()}
      submit={async () => {
        const { data } = await confirmTotp({ body: { code } })
        void refetch('getFactors')
        modals.closeAll()
        notifications.show({ color: 'teal', message: words.totpDone })
        showRecoveryCodes(t.account.security.recoveryTitle, data.recovery_codes, t.common.savedIt)
      }}
    >
      <Group align="flex-start" gap="lg">
        <Box style={{ background: '#fff', borderRadius: 12, padding: 6, lineHeight: 0 }}>
          <img src={svg} width={176} height={176} alt="QR" />
        </Box>
        <Stack gap="xs" flex={1} miw={200}>
          <Text size="sm" fw={500}>
            {words.totpSecret}
          </Text>
          <Code fz="sm" style={{ overflowWrap: 'anywhere' }}>
            {offer.secret}
          </Code>
          <Copy text={offer.secret} />
        </Stack>
      </Group>
      <div>
        <Text size="sm" fw={500} mb={6}>
          {words.totpCode}
        </Text>
        <PinInput length={6} type="number" oneTimeCode value={code} onChange={setCode} ariaLabel={words.totpCode} />
      </div>
    </DialogForm>
  )
}

/** The recovery codes, this once. */
export function showRecoveryCodes(title: string, codes: string[], close: string) {
  if (codes.length) showSecret({ title, secret: codes.join('\n'), close })
}
