import { Avatar, Box, Group, Select, Text } from '@mantine/core'
import { modals } from '@mantine/modals'
import { IconUserPlus, IconUsers } from '@tabler/icons-react'
import { createFileRoute } from '@tanstack/react-router'
import * as v from 'valibot'
import type { User } from '~/api'
import { listUsers } from '~/api/gen/sdk.gen'
import { usePages } from '~/api/pages'
import { CanButton } from '~/components/Can'
import { LinkAnchor } from '~/components/links'
import { PageHeader } from '~/components/PageHeader'
import { ResourceTable } from '~/components/ResourceTable'
import { Nothing } from '~/components/states'
import { When } from '~/components/When'
import { OneOf, SearchField } from '~/features/admin/Filter'
import { NewUserDialog } from '~/features/admin/NewUserDialog'
import { RowActions } from '~/features/admin/RowActions'
import { roles, StandingBadge, useUserDeeds } from '~/features/admin/users'
import { useT } from '~/i18n'
import { useIsAdmin } from '~/lib/me'
import { searched } from '~/lib/search'

export const Route = createFileRoute('/_app/admin/users/')({
  validateSearch: v.object({
    q: v.optional(searched),
    role: v.optional(v.picklist(['user', 'operator', 'admin'])),
    standing: v.optional(v.picklist(['good', 'unverified', 'suspended', 'banned'])),
  }),
  component: Users,
})

function Users() {
  const t = useT()
  const words = t.admin.users
  const admin = useIsAdmin()
  const { q, role, standing } = Route.useSearch()
  const navigate = Route.useNavigate()
  const set = (changed: Partial<ReturnType<typeof Route.useSearch>>) =>
    void navigate({ search: (before) => ({ ...before, ...changed }), replace: true })
  const asks = { ...(q ? { text: q } : {}), ...(role ? { role } : {}), ...(standing ? { standing } : {}) }
  const list = usePages(
    'listUsers',
    undefined,
    (asked, signal) => listUsers({ query: { ...asked, ...asks }, signal }),
    { filter: asks },
  )
  const filtered = !!(q || role || standing)
  return (
    <>
      <PageHeader title={words.title} sub={words.sub}>
        <CanButton
          why={admin ? undefined : t.admin.adminsOnly}
          leftSection={<IconUserPlus size={16} aria-hidden />}
          onClick={() =>
            modals.open({ title: words.create, children: <NewUserDialog onDone={() => modals.closeAll()} /> })
          }
        >
          {words.create}
        </CanButton>
      </PageHeader>
      <Group mb="md" gap="sm">
        <SearchField label={words.search} value={q} onChange={(text) => set({ q: text })} />
        <OneOf
          label={words.standing}
          value={standing}
          names={words.standings}
          onChange={(next) => set({ standing: next })}
        />
        <Select
          w={170}
          aria-label={words.role}
          allowDeselect={false}
          value={role ?? 'any'}
          onChange={(next) => set({ role: next === 'any' ? undefined : (next as 'user') })}
          data={[
            { value: 'any', label: words.anyRole },
            ...roles.map((value) => ({ value, label: words.roles[value] })),
          ]}
        />
      </Group>
      <ResourceTable
        label={words.title}
        {...list.table}
        id={(one) => one.id}
        name={(one) => one.name}
        columns={[
          { key: 'name', title: t.common.name, render: (one) => <Person user={one} /> },
          {
            key: 'standing',
            title: words.standing,
            width: 170,
            render: (one) => <StandingBadge user={one} />,
          },
          {
            key: 'role',
            title: words.role,
            from: 'md',
            render: (one) => <Text size="sm">{words.roles[one.role]}</Text>,
          },
          { key: 'since', title: words.since, from: 'lg', render: (one) => <When at={one.created_at} size="sm" /> },
        ]}
        acts={(one) => <Actions user={one} />}
        card={(one) => (
          <>
            <Group justify="space-between" wrap="nowrap">
              <Person user={one} />
              <Actions user={one} />
            </Group>
            <Group gap="md" mt={6}>
              <StandingBadge user={one} />
              <Text size="sm" c="dimmed">
                {words.roles[one.role]}
              </Text>
            </Group>
          </>
        )}
        empty={
          <Nothing
            icon={IconUsers}
            title={words.empty}
            unfilter={filtered && (() => set({ q: undefined, role: undefined, standing: undefined }))}
          />
        }
      />
    </>
  )
}

function Person({ user }: { user: User }) {
  return (
    <Group gap="sm" wrap="nowrap" miw={0} flex={1}>
      <Avatar size={34} radius="xl" name={user.name} color="indigo" aria-hidden />
      <Box miw={0} flex={1}>
        <LinkAnchor
          to="/admin/users/$id"
          params={{ id: user.id }}
          size="sm"
          fw={550}
          c="inherit"
          truncate
          display="block"
        >
          {user.name}
        </LinkAnchor>
        <Text size="xs" c="dimmed" truncate>
          {user.email}
        </Text>
      </Box>
    </Group>
  )
}

function Actions({ user }: { user: User }) {
  return <RowActions deeds={useUserDeeds(user)} name={user.name} />
}
