import { ActionIcon, Group, Menu, Select, Text } from '@mantine/core'
import { modals } from '@mantine/modals'
import { IconDots, IconUserMinus, IconUserPlus, IconUsers } from '@tabler/icons-react'
import { type Member, type Membership, type Project, refetch } from '~/api'
import { changeMember, listMembers, removeMember } from '~/api/gen/sdk.gen'
import { usePages } from '~/api/pages'
import { CanButton, CanItem } from '~/components/Can'
import { confirm } from '~/components/confirm'
import { ResourceTable } from '~/components/ResourceTable'
import { Section } from '~/components/Section'
import { Nothing } from '~/components/states'
import { useT } from '~/i18n'
import { useAct } from '~/lib/act'
import { useMayOwn, useMe } from '~/lib/me'
import { Invitations } from './Invitations'
import { InviteDialog, memberships } from './InviteDialog'

/** Who belongs to a project, and as what. */
export function Members({ project }: { project: Project }) {
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
