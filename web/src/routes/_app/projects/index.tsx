import { Avatar, Badge, Button, Card, Group, SimpleGrid, Stack, Text, Title } from '@mantine/core'
import { modals } from '@mantine/modals'
import { IconPlus } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import { getBalanceOptions, listSharedOptions, type Project } from '~/api'
import { Credits } from '~/components/Credits'
import { LinkAnchor, LinkButton } from '~/components/links'
import { PageHeader } from '~/components/PageHeader'
import { Section } from '~/components/Section'
import { InstanceStatus } from '~/components/StatusBadge'
import { Answered } from '~/components/states'
import { NameDialog } from '~/features/projects/NameDialog'
import { useT } from '~/i18n'
import { useHere, useMembership } from '~/lib/me'

export const Route = createFileRoute('/_app/projects/')({ component: Projects })

function Projects() {
  const t = useT()
  const navigate = Route.useNavigate()
  const { projects } = useHere()
  const shared = useQuery(listSharedOptions())
  const create = () =>
    modals.open({
      title: t.projects.create,
      children: (
        <NameDialog
          onDone={(project) => {
            modals.closeAll()
            void navigate({ to: '/projects/$id', params: { id: project.id } })
          }}
        />
      ),
    })
  return (
    <>
      <PageHeader title={t.projects.title} sub={t.projects.sub}>
        <LinkButton to="/invitations" variant="default">
          {t.projects.received}
        </LinkButton>
        <Button onClick={create} leftSection={<IconPlus size={16} aria-hidden />}>
          {t.projects.create}
        </Button>
      </PageHeader>
      <Stack>
        <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
          {projects.map((one) => (
            <ProjectCard key={one.id} one={one} />
          ))}
        </SimpleGrid>
        <Section title={t.projects.sharedInstances}>
          <Answered query={shared} lines={2}>
            {(list) =>
              list.length === 0 ? (
                <Text size="sm" c="dimmed">
                  {t.projects.sharedNone}
                </Text>
              ) : (
                <Stack gap={0}>
                  {list.map(({ instance, right }) => (
                    <Group key={instance.id} justify="space-between" py={9} className="line">
                      <LinkAnchor to="/instances/$id" params={{ id: instance.id }} size="sm" c="inherit">
                        {instance.name}
                      </LinkAnchor>
                      <Group gap="md">
                        <Text size="sm" c="dimmed">
                          {t.instances.settings.right} {t.instances.settings.rights[right]}
                        </Text>
                        <InstanceStatus state={instance.state} />
                      </Group>
                    </Group>
                  ))}
                </Stack>
              )
            }
          </Answered>
        </Section>
      </Stack>
    </>
  )
}

function ProjectCard({ one }: { one: Project }) {
  const t = useT()
  const membership = useMembership(one.id)
  const { data } = useQuery(getBalanceOptions({ path: { id: one.id } }))
  return (
    <Card>
      <Group wrap="nowrap" align="flex-start" mb="md">
        <Avatar radius="md" color={one.personal_of ? 'indigo' : 'teal'} aria-hidden name={one.name} />
        <div style={{ minWidth: 0, flex: 1 }}>
          <Title order={2} size="h5">
            <LinkAnchor to="/projects/$id" params={{ id: one.id }} c="inherit" inherit>
              {one.name}
            </LinkAnchor>
          </Title>
          <Group gap={6} mt={4}>
            <Badge variant="light" color={one.personal_of ? 'indigo' : 'teal'}>
              {one.personal_of ? t.projects.personal : t.projects.shared}
            </Badge>
            {membership && <Badge variant="default">{t.projects.memberships[membership]}</Badge>}
          </Group>
        </div>
      </Group>
      <Group justify="space-between" mt="auto">
        <Text fw={600}>{data ? <Credits micros={data.wallet_micros} /> : '…'}</Text>
        <LinkAnchor to="/projects/$id/credits" params={{ id: one.id }} size="sm">
          {t.projects.billing}
        </LinkAnchor>
      </Group>
    </Card>
  )
}
