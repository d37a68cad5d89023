import { Alert, Box, Button, Card, Group, Stack, Text, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { IconMail } from '@tabler/icons-react'
import { createFileRoute } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { type Project, refetch } from '~/api'
import {
  acceptInvitation,
  acceptInvitationByToken,
  declineInvitation,
  listReceivedInvitations,
} from '~/api/gen/sdk.gen'
import { usePages } from '~/api/pages'
import { CommandHints } from '~/components/CommandHints'
import { LinkBack } from '~/components/links'
import { PageHeader } from '~/components/PageHeader'
import { Section } from '~/components/Section'
import { Failed, Lines, Nothing } from '~/components/states'
import { When } from '~/components/When'
import { takeHash } from '~/features/auth/hash'
import { useT } from '~/i18n'
import { useAct } from '~/lib/act'
import { useProblemText } from '~/lib/problems'
import { shellWord } from '~/lib/words'

export const Route = createFileRoute('/_app/invitations')({ component: Invitations })

function Invitations() {
  const t = useT()
  const words = t.projects
  const text = useProblemText()
  const navigate = Route.useNavigate()
  const [token, setToken] = useState(() => takeHash().get('token') ?? '')
  const list = usePages('listReceivedInvitations', undefined, (asked, signal) =>
    listReceivedInvitations({ query: asked, signal }),
  )
  const joined = (project: Project) => {
    notifications.show({ color: 'teal', message: words.accepted(project.name) })
    void refetch('getMe', 'listProjects', 'listReceivedInvitations')
    void navigate({ to: '/projects/$id', params: { id: project.id } })
  }
  const accept = useAct((id: string) => acceptInvitation({ path: { id } }), { onDone: joined })
  const decline = useAct((id: string) => declineInvitation({ path: { id } }), { stale: ['listReceivedInvitations'] })
  const byToken = useAct(() => acceptInvitationByToken({ body: { token: token.trim() } }), {
    quiet: true,
    onDone: joined,
  })
  return (
    <>
      <PageHeader title={words.received} back={<LinkBack to="/projects">{words.title}</LinkBack>} />
      <Stack maw={760}>
        {list.error ? (
          <Failed error={list.error} onRetry={() => void list.refetch()} />
        ) : !list.items ? (
          <Lines />
        ) : list.items.length === 0 ? (
          <Card padding={0}>
            <Nothing icon={IconMail} title={words.receivedNone} />
          </Card>
        ) : (
          list.items.map(({ invitation, project_name }) => (
            <Card key={invitation.id}>
              <Group justify="space-between">
                <div>
                  <Text fw={600}>{project_name}</Text>
                  <Text size="sm" c="dimmed">
                    {words.membership} {words.memberships[invitation.membership]} · {words.expires}{' '}
                    <When at={invitation.expires_at} />
                  </Text>
                </div>
                <Group gap="xs">
                  <Button variant="default" onClick={() => decline.mutate(invitation.id)}>
                    {words.decline}
                  </Button>
                  <Button onClick={() => accept.mutate(invitation.id)} loading={accept.isPending}>
                    {words.accept}
                  </Button>
                </Group>
              </Group>
            </Card>
          ))
        )}
        <Section title={words.acceptToken}>
          {byToken.error != null && (
            <Alert color="red" mb="sm" role="alert">
              {text(byToken.error)}
            </Alert>
          )}
          <form
            onSubmit={(event: FormEvent) => {
              event.preventDefault()
              if (token.trim()) byToken.mutate(undefined)
            }}
          >
            <Group align="flex-end" gap="sm">
              <TextInput
                flex="1 1 240px"
                label={words.token}
                value={token}
                autoComplete="off"
                onChange={(event) => setToken(event.currentTarget.value)}
              />
              <Button type="submit" loading={byToken.isPending} disabled={!token.trim()}>
                {words.accept}
              </Button>
            </Group>
          </form>
          <Box mt="md">
            <CommandHints
              hints={[
                {
                  cli: `innkeeper project accept ${shellWord(token.trim() || 'TOKEN')}`,
                  path: '/api/v1/invitations/accept',
                  body: { token: token.trim() || 'TOKEN' },
                },
              ]}
            />
          </Box>
        </Section>
      </Stack>
    </>
  )
}
