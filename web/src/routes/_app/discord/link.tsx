import { Alert, Button, Code, Group, SimpleGrid, Stack, Text, TextInput } from '@mantine/core'
import { IconAlertTriangle, IconBrandDiscord, IconCheck } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import { type FormEvent, useEffect, useState } from 'react'
import { type DiscordLink, getDiscordLinkOptions, isProblem } from '~/api'
import { linkDiscord } from '~/api/gen/sdk.gen'
import { CommandHints } from '~/components/CommandHints'
import { Facts } from '~/components/Facts'
import { PageHeader } from '~/components/PageHeader'
import { Section } from '~/components/Section'
import { Answered, Failed } from '~/components/states'
import { When } from '~/components/When'
import { codeInHash, forgetHash } from '~/features/auth/hash'
import { useUnlink } from '~/features/discord/DiscordLinked'
import { useT } from '~/i18n'
import { useAct } from '~/lib/act'
import { useProblemText } from '~/lib/problems'
import { shellWord } from '~/lib/words'

export const Route = createFileRoute('/_app/discord/link')({ component: LinkPage })

/** Where the bot sends somebody who typed `/link`. */
function LinkPage() {
  const words = useT().discord
  const query = useQuery(getDiscordLinkOptions())
  return (
    <>
      <PageHeader title={words.linkTitle} sub={words.linkSub} />
      <SimpleGrid cols={{ base: 1, lg: 2 }} style={{ alignItems: 'start' }}>
        <Answered query={query}>{(link) => (link ? <Linked link={link} /> : <Enter />)}</Answered>
        <Section title={words.next}>
          <Facts items={words.commands.map(([command, what]) => [command, what])} />
        </Section>
      </SimpleGrid>
    </>
  )
}

function Linked({ link }: { link: DiscordLink }) {
  const words = useT().discord
  const unlink = useUnlink()
  return (
    <Section title={words.linked}>
      <Group justify="space-between">
        <Group gap="sm" wrap="nowrap">
          <IconCheck size={22} aria-hidden color="var(--mantine-color-teal-6)" />
          <div>
            <Text size="sm" fw={550} role="status">
              {words.linkedAs(link.name)}
            </Text>
            <Text size="xs" c="dimmed">
              {words.since} <When at={link.linked_at} /> · <Code fz="inherit">{link.discord_id}</Code>
            </Text>
          </div>
        </Group>
        <Button size="xs" variant="default" onClick={unlink}>
          {words.unlink}
        </Button>
      </Group>
    </Section>
  )
}

/** Nothing is linked by opening an address: somebody else may have sent it. */
function Enter() {
  const t = useT()
  const words = t.discord
  const text = useProblemText()
  const [code, setCode] = useState(codeInHash)
  useEffect(forgetHash, [])
  const link = useAct(() => linkDiscord({ body: { token: code.trim() } }), {
    quiet: true,
    stale: ['getDiscordLink', 'getNotifications'],
  })
  const atCode = isProblem(link.error) && link.error.status === 422
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (code.trim()) link.mutate(undefined)
  }
  return (
    <Section title={words.linkNow}>
      <form onSubmit={submit}>
        <Stack>
          <TextInput
            label={words.code}
            description={words.codeAbout}
            placeholder="ikt_…"
            autoComplete="off"
            spellCheck={false}
            className="mono-input"
            required
            withAsterisk={false}
            value={code}
            onChange={(event) => setCode(event.currentTarget.value)}
            error={atCode && text(link.error)}
          />
          {link.error != null && !atCode && <Failed error={link.error} />}
          <Alert color="yellow" className="notice" icon={<IconAlertTriangle aria-hidden />}>
            {words.warning}
          </Alert>
          <Group justify="flex-end">
            <Button
              type="submit"
              leftSection={<IconBrandDiscord size={17} aria-hidden />}
              loading={link.isPending}
              disabled={!code.trim()}
            >
              {words.linkNow}
            </Button>
          </Group>
          <CommandHints
            hints={[
              {
                cli: `innkeeper discord link ${shellWord(code.trim() || 'CODE')}`,
                path: '/api/v1/discord/links',
                body: { token: code.trim() || 'CODE' },
              },
            ]}
          />
        </Stack>
      </form>
    </Section>
  )
}
