import { Badge, Button, Code, Group, Menu, Stack } from '@mantine/core'
import { modals } from '@mantine/modals'
import { IconCoin, IconDoorExit, IconPencil, IconTrash } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import { getProjectOptions, type Project, refetch } from '~/api'
import { deleteProject, leaveProject } from '~/api/gen/sdk.gen'
import { CanItem } from '~/components/Can'
import { CommandHints } from '~/components/CommandHints'
import { confirm } from '~/components/confirm'
import { LinkBack, LinkButton } from '~/components/links'
import { PageHeader } from '~/components/PageHeader'
import { Answered } from '~/components/states'
import { Log } from '~/features/projects/Log'
import { Members } from '~/features/projects/Members'
import { NameDialog } from '~/features/projects/NameDialog'
import { Room } from '~/features/projects/Room'
import { useT } from '~/i18n'
import { useMayOwn, useMembership } from '~/lib/me'

export const Route = createFileRoute('/_app/projects/$id/')({ component: ProjectPage })

function ProjectPage() {
  const { id } = Route.useParams()
  const query = useQuery(getProjectOptions({ path: { id } }))
  return <Answered query={query}>{(project) => <Shown project={project} />}</Answered>
}

function Shown({ project }: { project: Project }) {
  const t = useT()
  const words = t.projects
  const navigate = Route.useNavigate()
  const mayNot = useMayOwn(project.id)
  const membership = useMembership(project.id)
  const { id, name } = project
  const after = async () => {
    await refetch('getMe', 'listProjects')
    void navigate({ to: '/projects' })
  }
  return (
    <>
      <PageHeader
        title={name}
        sub={
          <Group gap="xs">
            <Badge variant="light" color={project.personal_of ? 'indigo' : 'teal'}>
              {project.personal_of ? words.personal : words.shared}
            </Badge>
            <Code>{id}</Code>
          </Group>
        }
        back={<LinkBack to="/projects">{words.title}</LinkBack>}
      >
        <LinkButton
          to="/projects/$id/credits"
          params={{ id }}
          variant="default"
          leftSection={<IconCoin size={16} aria-hidden />}
        >
          {words.billing}
        </LinkButton>
        <Menu position="bottom-end" width={270}>
          <Menu.Target>
            <Button variant="default">{t.common.actions}</Button>
          </Menu.Target>
          <Menu.Dropdown>
            <CanItem
              why={mayNot}
              leftSection={<IconPencil size={16} aria-hidden />}
              onClick={() =>
                modals.open({
                  title: words.rename,
                  children: <NameDialog project={project} onDone={() => modals.closeAll()} />,
                })
              }
            >
              {words.rename}
            </CanItem>
            <CanItem
              why={project.personal_of ? words.cannotDeletePersonal : !membership ? t.common.viewerOnly : undefined}
              leftSection={<IconDoorExit size={16} aria-hidden />}
              onClick={() =>
                confirm({
                  title: words.leaveTitle(name),
                  body: words.leaveBody,
                  label: words.leave,
                  act: async () => leaveProject({ path: { id } }).then(after),
                })
              }
            >
              {words.leave}
            </CanItem>
            <Menu.Divider />
            <CanItem
              why={project.personal_of ? words.cannotDeletePersonal : mayNot}
              color="red"
              leftSection={<IconTrash size={16} aria-hidden />}
              onClick={() =>
                confirm({
                  title: words.deleteTitle(name),
                  body: words.deleteBody,
                  label: t.common.delete,
                  name,
                  extra: (
                    <CommandHints
                      hints={[
                        { cli: `innkeeper project delete ${id}`, method: 'DELETE', path: `/api/v1/projects/${id}` },
                      ]}
                    />
                  ),
                  act: async () => deleteProject({ path: { id } }).then(after),
                })
              }
            >
              {t.common.delete}
            </CanItem>
          </Menu.Dropdown>
        </Menu>
      </PageHeader>
      <Stack>
        <Members project={project} />
        <Room project={project} />
        {!mayNot && <Log project={project} />}
      </Stack>
    </>
  )
}
