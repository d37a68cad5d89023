import {
  ActionIcon,
  Badge,
  Button,
  Code,
  Group,
  Menu,
  NumberInput,
  Progress,
  Select,
  SimpleGrid,
  Stack,
  Text,
} from '@mantine/core'
import { useForm } from '@mantine/form'
import { modals } from '@mantine/modals'
import {
  IconCoin,
  IconDoorExit,
  IconDots,
  IconPencil,
  IconTrash,
  IconUserMinus,
  IconUserPlus,
  IconUsers,
} from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import {
  getProjectOptions,
  getQuotaOptions,
  type Member,
  type Membership,
  type Project,
  type Quota,
  refetch,
} from '~/api'
import {
  changeMember,
  deleteProject,
  leaveProject,
  listInvitations,
  listMembers,
  listProjectAudit,
  removeMember,
  revokeInvitation,
  setQuota,
} from '~/api/gen/sdk.gen'
import { usePages } from '~/api/pages'
import { CanButton, CanItem } from '~/components/Can'
import { CommandHints } from '~/components/CommandHints'
import { confirm } from '~/components/confirm'
import { LinkBack, LinkButton } from '~/components/links'
import { PageHeader } from '~/components/PageHeader'
import { ResourceTable } from '~/components/ResourceTable'
import { Section } from '~/components/Section'
import { Answered, Nothing } from '~/components/states'
import { When } from '~/components/When'
import { AuditTable } from '~/features/audit/AuditTable'
import { InviteDialog, memberships } from '~/features/projects/InviteDialog'
import { NameDialog } from '~/features/projects/NameDialog'
import { useT } from '~/i18n'
import { useAct } from '~/lib/act'
import { useFormat } from '~/lib/format'
import { useIsAdmin, useMayOwn, useMe, useMembership } from '~/lib/me'

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

function Members({ project }: { project: Project }) {
  const t = useT()
  const words = t.projects
  const mayNot = useMayOwn(project.id)
  const list = usePages('listMembers', project.id, (asked, signal) =>
    listMembers({ path: { id: project.id }, query: asked, signal }),
  )
  const personal = project.personal_of ? words.cannotDeletePersonal : undefined
  return (
    <Section
      title={words.members}
      about={words.membersAbout}
      action={
        <CanButton
          why={mayNot}
          leftSection={<IconUserPlus size={16} aria-hidden />}
          onClick={() =>
            modals.open({
              title: words.inviteTitle,
              children: <InviteDialog projectId={project.id} onDone={() => modals.closeAll()} />,
            })
          }
        >
          {words.invite}
        </CanButton>
      }
    >
      <ResourceTable
        label={words.members}
        {...list.table}
        id={(one) => one.user_id}
        rowHeight={56}
        columns={[
          {
            key: 'name',
            title: t.common.name,
            render: (one) => (
              <>
                <Text size="sm" fw={550}>
                  {one.name}
                </Text>
                <Text size="xs" c="dimmed">
                  {one.email}
                </Text>
              </>
            ),
          },
          {
            key: 'membership',
            title: words.membership,
            render: (one) => <Role one={one} project={project} mayNot={mayNot} />,
          },
        ]}
        acts={(one) => <MemberMenu one={one} project={project} mayNot={mayNot ?? personal} />}
        card={(one) => (
          <Group justify="space-between" wrap="nowrap">
            <div style={{ minWidth: 0 }}>
              <Text size="sm" fw={550} truncate>
                {one.name}
              </Text>
              <Text size="xs" c="dimmed" truncate>
                {one.email}
              </Text>
              <Role one={one} project={project} mayNot={mayNot} />
            </div>
            <MemberMenu one={one} project={project} mayNot={mayNot ?? personal} />
          </Group>
        )}
        empty={<Nothing icon={IconUsers} title={words.members} />}
      />
      {!mayNot && <Invitations project={project} />}
    </Section>
  )
}

function Role({ one, project, mayNot }: { one: Member; project: Project; mayNot: string | undefined }) {
  const t = useT()
  const change = useAct(
    (membership: Membership) => changeMember({ path: { id: project.id, user_id: one.user_id }, body: { membership } }),
    {
      stale: ['listMembers', 'getMe'],
      done: t.common.saved,
    },
  )
  if (mayNot || project.personal_of) return <Text size="sm">{t.projects.memberships[one.membership]}</Text>
  return (
    <Select
      size="xs"
      w={150}
      allowDeselect={false}
      aria-label={`${t.projects.membership}: ${one.name}`}
      value={one.membership}
      data={memberships.map((value) => ({ value, label: t.projects.memberships[value] }))}
      onChange={(next) => change.mutate(next as Membership)}
    />
  )
}

function MemberMenu({ one, project, mayNot }: { one: Member; project: Project; mayNot: string | undefined }) {
  const t = useT()
  const me = useMe()
  return (
    <Menu position="bottom-end" width={240}>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" aria-label={t.common.actionsFor(one.name)}>
          <IconDots size={18} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <CanItem
          why={mayNot ?? (one.user_id === me.user.id ? t.projects.leave : undefined)}
          color="red"
          leftSection={<IconUserMinus size={16} aria-hidden />}
          onClick={() =>
            confirm({
              title: t.projects.removeTitle(one.name),
              body: t.projects.removeBody,
              label: t.common.remove,
              act: async () =>
                removeMember({ path: { id: project.id, user_id: one.user_id } }).then(() => refetch('listMembers')),
            })
          }
        >
          {t.common.remove}
        </CanItem>
      </Menu.Dropdown>
    </Menu>
  )
}

function Invitations({ project }: { project: Project }) {
  const t = useT()
  const words = t.projects
  const list = usePages('listInvitations', project.id, (asked, signal) =>
    listInvitations({ path: { id: project.id }, query: asked, signal }),
  )
  if (!list.items?.length) return null
  return (
    <Stack gap={0} mt="md">
      <Text size="sm" fw={600} mb={4}>
        {words.invitations}
      </Text>
      {list.items.map((one) => (
        <Group key={one.id} justify="space-between" py={8} className="line">
          <Text size="sm">
            {one.email}
            <Text span c="dimmed" size="sm" ml={8}>
              {words.memberships[one.membership]} · {words.expires} <When at={one.expires_at} />
            </Text>
          </Text>
          <Button
            size="xs"
            variant="default"
            onClick={() =>
              confirm({
                title: words.revoke,
                body: one.email,
                label: words.revoke,
                act: async () =>
                  revokeInvitation({ path: { id: project.id, invitation_id: one.id } }).then(() =>
                    refetch('listInvitations'),
                  ),
              })
            }
          >
            {words.revoke}
          </Button>
        </Group>
      ))}
    </Stack>
  )
}

function Room({ project }: { project: Project }) {
  const t = useT()
  const f = useFormat()
  const words = t.projects
  const admin = useIsAdmin()
  const query = useQuery(getQuotaOptions({ path: { id: project.id } }))
  return (
    <Section title={words.quota} about={words.quotaAbout}>
      <Answered query={query}>
        {(quota) => (
          <Stack>
            <SimpleGrid cols={{ base: 1, xs: 2 }}>
              {(
                [
                  [words.instances, 'instances', f.whole],
                  [words.cores, 'cores', f.whole],
                  [words.memory, 'memory_mib', f.mib],
                  [words.disk, 'disk_gib', f.gib],
                ] as const
              ).map(([name, field, show]) => (
                <div key={field}>
                  <Group justify="space-between" mb={4}>
                    <Text size="sm">{name}</Text>
                    <Text size="sm" c="dimmed" className="tnum">
                      {words.quotaOf(show(quota.used[field]), show(quota.allowed[field]))}
                    </Text>
                  </Group>
                  <Progress
                    size={6}
                    aria-label={name}
                    value={quota.allowed[field] ? Math.min(100, (quota.used[field] / quota.allowed[field]) * 100) : 100}
                  />
                </div>
              ))}
            </SimpleGrid>
            {admin && <QuotaForm key={JSON.stringify(quota.set)} project={project} quota={quota} />}
          </Stack>
        )}
      </Answered>
    </Section>
  )
}

/** For administrators: how much it may have. */
function QuotaForm({ project, quota }: { project: Project; quota: Quota }) {
  const t = useT()
  const words = t.projects
  const start = (value: number | null | undefined) => (value ?? '') as number | string
  const form = useForm({
    initialValues: {
      instances: start(quota.set.instances),
      cores: start(quota.set.cores),
      memory_mib: start(quota.set.memory_mib),
      disk_gib: start(quota.set.disk_gib),
    },
  })
  const body = Object.fromEntries(
    Object.entries(form.values).map(([field, value]) => [field, value === '' ? null : Number(value)]),
  )
  const save = useAct(() => setQuota({ path: { id: project.id }, body }), { stale: ['getQuota'], done: t.common.saved })
  return (
    <form onSubmit={form.onSubmit(() => save.mutate(undefined))}>
      <Text size="xs" c="dimmed" mb="xs">
        {words.adminQuotaHint}
      </Text>
      <Group align="flex-end" gap="sm">
        {(['instances', 'cores', 'memory_mib', 'disk_gib'] as const).map((field) => (
          <NumberInput
            key={field}
            flex="1 1 120px"
            size="xs"
            min={0}
            label={
              { instances: words.instances, cores: words.cores, memory_mib: words.memory, disk_gib: words.disk }[field]
            }
            placeholder={String(quota.allowed[field])}
            {...form.getInputProps(field)}
          />
        ))}
        <Button type="submit" size="xs" variant="default" loading={save.isPending}>
          {words.quotaSet}
        </Button>
      </Group>
    </form>
  )
}

function Log({ project }: { project: Project }) {
  const t = useT()
  const list = usePages(
    'listProjectAudit',
    project.id,
    (asked, signal) => listProjectAudit({ path: { id: project.id }, query: asked, signal }),
    { limit: 20 },
  )
  return (
    <Section title={t.projects.audit} about={t.projects.auditAbout}>
      <AuditTable rows={list.items} error={list.error} onRetry={() => void list.refetch()} more={list.more} />
    </Section>
  )
}
