import { SimpleGrid, Stack } from '@mantine/core'
import { createFileRoute } from '@tanstack/react-router'
import { PageHeader } from '~/components/PageHeader'
import { Factors } from '~/features/account/Factors'
import { Identities } from '~/features/account/Identities'
import { Passkeys } from '~/features/account/Passkeys'
import { Password } from '~/features/account/Password'
import { Sessions } from '~/features/account/Sessions'
import { DiscordLinked } from '~/features/discord/DiscordLinked'
import { useT } from '~/i18n'

export const Route = createFileRoute('/_app/account/security')({ component: Security })

function Security() {
  const t = useT()
  const words = t.account.security
  return (
    <>
      <PageHeader title={words.title} sub={words.sub} />
      <SimpleGrid cols={{ base: 1, lg: 2 }}>
        <Stack>
          <Password />
          <Identities />
        </Stack>
        <Stack>
          <Passkeys />
          <Factors />
          <DiscordLinked />
        </Stack>
      </SimpleGrid>
      <Sessions />
    </>
  )
}
