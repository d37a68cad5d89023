import { Alert, Code, Group, SimpleGrid, Stack, Text } from '@mantine/core'
import { IconBan, IconServer2, IconUserOff } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import { useMemo } from 'react'
import { getBalanceOptions, getUserOptions, type User } from '~/api'
import { listAudit } from '~/api/gen/sdk.gen'
import { usePages } from '~/api/pages'
import { Credits } from '~/components/Credits'
import { Facts } from '~/components/Facts'
import { LinkAnchor, LinkBack, LinkButton } from '~/components/links'
import { PageHeader } from '~/components/PageHeader'
import { Section } from '~/components/Section'
import { InstanceStatus } from '~/components/StatusBadge'
import { Answered, Lines } from '~/components/states'
import { When } from '~/components/When'
import { RowActions } from '~/features/admin/RowActions'
import { Stat } from '~/features/admin/Stat'
import { StandingBadge, useUserDeeds } from '~/features/admin/users'
import { AuditTable } from '~/features/audit/AuditTable'
import { allInstances } from '~/features/instances/queries'
import { SizeText } from '~/features/instances/SizeText'
import { useT } from '~/i18n'
import { useIsAdmin } from '~/lib/me'
import { usePageActions } from '~/lib/page-actions'

export const Route = createFileRoute('/_app/admin/users/$id')({ component: UserPage })

function UserPage() {
  const { id } = Route.useParams()
  const query = useQuery(getUserOptions({ path: { id } }))
  return (
    <Answered query={query} lines={6}>
      {(user) => <Shown user={user} />}
    </Answered>
  )
}

function Shown({ user }: { user: User }) {
  const t = useT()
  const words = t.admin.users
  const admin = useIsAdmin()
  const deeds = useUserDeeds(user)
  // The deeds are made anew with each render; what they are depends on the user alone.
  // biome-ignore lint/correctness/useExhaustiveDependencies: see above
  const offered = useMemo(
    () =>
      deeds
        .filter((one) => !one.why)
        .map((one) => ({ id: `user-${one.id}`, label: one.label, description: user.name, run: one.run })),
    [user, t],
  )
  usePageActions(offered)
  const project = user.personal_project
  const { data: balance } = useQuery(getBalanceOptions({ path: { id: project } }))
  return (
    <>
      <PageHeader
        title={user.name}
        sub={
          <Group gap="md">
            <StandingBadge user={user} />
            <Text size="sm">{words.roles[user.role]}</Text>
            <Text size="sm">{user.email}</Text>
          </Group>
        }
        back={<LinkBack to="/admin/users">{words.title}</LinkBack>}
      >
        <LinkButton to="/projects/$id/credits" params={{ id: project }} variant="default">
          {t.credits.title}
        </LinkButton>
        <RowActions deeds={deeds} name={user.name} button />
      </PageHeader>
      <Stack>
        {user.suspension && (
          <Alert color="yellow" className="notice" icon={<IconUserOff aria-hidden />} title={words.standings.suspended}>
            {user.suspension.reason} · <When at={user.suspension.since} />
          </Alert>
        )}
        {user.ban && (
          <Alert color="red" className="notice" icon={<IconBan aria-hidden />} title={words.standings.banned}>
            {user.ban.reason} · {user.ban.until ? <When at={user.ban.until} /> : words.forGood}
          </Alert>
        )}
        <SimpleGrid cols={{ base: 2, md: 4 }}>
          <Stat
            link={{ to: '/projects/$id/credits', params: { id: project } }}
            name={t.credits.balance}
            value={balance ? <Credits micros={balance.wallet_micros} /> : '…'}
          />
          <Stat
            link={{ to: '/projects/$id/credits', params: { id: project } }}
            name={t.credits.held}
            value={balance ? <Credits micros={balance.held_micros} /> : '…'}
          />
          <Stat
            link={{ to: '/projects/$id/credits', params: { id: project } }}
            name={t.credits.owed}
            value={balance ? <Credits micros={balance.owed_micros} /> : '…'}
          />
          <Stat
            name={t.credits.burn}
            value={balance ? <Credits micros={balance.rate_micros_per_hour} unit={t.common.perHour} exact /> : '…'}
          />
        </SimpleGrid>
        <SimpleGrid cols={{ base: 1, md: 2 }}>
          <Section title={words.about}>
            <Facts
              items={[
                [words.email, user.email],
                [words.verified, user.email_verified ? t.common.yes : t.common.no],
                [words.language, words.languages[user.language]],
                [words.since, <When key="since" at={user.created_at} />],
                [
                  words.project,
                  <LinkAnchor key="project" to="/projects/$id" params={{ id: project }} inherit>
                    {t.projects.personal}
                  </LinkAnchor>,
                ],
                [t.projects.id, <Code key="id">{user.id}</Code>],
              ]}
            />
          </Section>
          <Instances project={project} />
        </SimpleGrid>
        {admin && <Log user={user} />}
      </Stack>
    </>
  )
}

function Instances({ project }: { project: string }) {
  const t = useT()
  const { data } = useQuery(allInstances(project))
  return (
    <Section title={t.instances.title} about={t.admin.users.instancesAbout}>
      {!data ? (
        <Lines count={3} />
      ) : data.length === 0 ? (
        <Text size="sm" c="dimmed">
          {t.common.none}
        </Text>
      ) : (
        data.slice(0, 8).map((one) => (
          <Group key={one.id} justify="space-between" py={8} className="line" wrap="nowrap">
            <Group gap="xs" wrap="nowrap" miw={0}>
              <IconServer2 size={16} aria-hidden />
              <div style={{ minWidth: 0 }}>
                <LinkAnchor to="/instances/$id" params={{ id: one.id }} size="sm" fw={550} c="inherit">
                  {one.name}
                </LinkAnchor>
                <Text size="xs" c="dimmed" truncate>
                  <SizeText size={one.size} />
                </Text>
              </div>
            </Group>
            <InstanceStatus state={one.state} trashed={!!one.trashed_until} />
          </Group>
        ))
      )}
    </Section>
  )
}

function Log({ user }: { user: User }) {
  const t = useT()
  const list = usePages(
    'listAudit',
    { user_id: user.id },
    (asked, signal) => listAudit({ query: { ...asked, user_id: user.id }, signal }),
    { limit: 10 },
  )
  return (
    <Section title={t.audit.title} about={t.admin.users.logAbout}>
      <AuditTable {...list.table} who={() => user.name} />
    </Section>
  )
}
