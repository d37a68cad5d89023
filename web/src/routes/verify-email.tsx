import { Alert, Loader, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import { useState } from 'react'
import { refetch } from '~/api'
import { confirmEmail } from '~/api/gen/sdk.gen'
import { LinkButton } from '~/components/links'
import { Door } from '~/features/auth/Door'
import { takeHash } from '~/features/auth/hash'
import { useT } from '~/i18n'
import { useProblemText } from '~/lib/problems'

export const Route = createFileRoute('/verify-email')({ component: VerifyEmail })

function VerifyEmail() {
  const t = useT()
  const text = useProblemText()
  const [token] = useState(() => takeHash().get('token') ?? '')
  // A link is good once: it is never asked a second time by itself.
  const confirmed = useQuery({
    queryKey: [{ _id: 'confirmEmail', token }],
    queryFn: async () => {
      await confirmEmail({ body: { token } })
      void refetch('getMe')
      return true
    },
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnWindowFocus: false,
  })
  return (
    <Door title={t.auth.verifyTitle}>
      {confirmed.isPending && <Loader aria-label={t.common.loading} />}
      {confirmed.error && (
        <Alert color="red" role="alert">
          {text(confirmed.error)}
        </Alert>
      )}
      {confirmed.data && <Text role="status">{t.auth.verified}</Text>}
      <LinkButton to="/">{t.common.home}</LinkButton>
    </Door>
  )
}
