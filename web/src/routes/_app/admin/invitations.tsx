import { Button, Group, Select, Stack, Text, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { modals } from '@mantine/modals'
import { notifications } from '@mantine/notifications'
import { IconMail, IconPlus, IconTrash } from '@tabler/icons-react'
import { createFileRoute } from '@tanstack/react-router'
import { type HouseInvitation, type Impersonation, type Role, refetch } from '~/api'
import {
  endImpersonation,
  inviteIntoHouse,
  listHouseInvitations,
  listImpersonations,
  withdrawHouseInvitation,
} from '~/api/gen/sdk.gen'
import { usePages } from '~/api/pages'
import { CanButton } from '~/components/Can'
import { CommandHints } from '~/components/CommandHints'
import { confirm } from '~/components/confirm'
import { DialogForm } from '~/components/DialogForm'
import { PageHeader } from '~/components/PageHeader'
import { ResourceTable } from '~/components/ResourceTable'
import { showSecret } from '~/components/SecretOnce'
import { Section } from '~/components/Section'
import { Badge } from '~/components/StatusBadge'
import { Nothing } from '~/components/states'
import { When } from '~/components/When'
import { useUserNames } from '~/features/admin/names'
import { RowActions } from '~/features/admin/RowActions'
import { roles } from '~/features/admin/users'
import { useT } from '~/i18n'
import { useIsAdmin } from '~/lib/me'
import { atField } from '~/lib/problems'

export const Route = createFileRoute('/_app/admin/invitations')({ component: Invitations })

function Invitations() {
  const t = useT()
  const words = t.admin.gifts
  const admin = useIsAdmin()
  const people = useUserNames()
  const list = usePages(
    'listHouseInvitations',
    undefined,
    (asked, signal) => listHouseInvitations({ query: asked, signal }),
    { enabled: admin },
  )
  const invite = (
    <CanButton
      why={admin ? undefined : t.admin.adminsOnly}
      leftSection={<IconPlus size={16} aria-hidden />}
      onClick={() => modals.open({ title: words.invite, children: <InviteDialog /> })}
    >
      {words.invite}
    </CanButton>
  )
  const late = (one: HouseInvitation) => Date.parse(one.expires_at) < Date.now()
  const state = (one: HouseInvitation) =>
    one.used_at ? (
      <Badge tone="good">{words.accepted}</Badge>
    ) : late(one) ? (
      <Badge tone="quiet">{words.expired}</Badge>
    ) : (
      <Badge tone="busy">{words.open}</Badge>
    )
  const menu = (one: HouseInvitation) => (
    <RowActions
      name={one.email ?? words.anybody}
      deeds={[
        {
          id: 'withdraw',
          label: words.withdrawInvitation,
          icon: IconTrash,
          danger: true,
          why: one.used_at ? words.accepted : undefined,
          run: () =>
            confirm({
              title: words.withdrawInvitationTitle(one.email ?? words.anybody),
              body: words.withdrawInvitationBody,
              label: words.withdrawInvitation,
              extra: (
                <CommandHints
                  hints={[
                    {
                      cli: `innkeeper user withdraw ${one.id}`,
                      method: 'DELETE',
                      path: `/api/v1/house-invitations/${one.id}`,
                    },
                  ]}
                />
              ),
              act: () => withdrawHouseInvitation({ path: { id: one.id } }).then(() => refetch('listHouseInvitations')),
            }),
        },
      ]}
    />
  )
  return (
    <>
      <PageHeader title={words.invitations} sub={words.invitationsSub}>
        {invite}
      </PageHeader>
      <Stack gap="xl">
        <ResourceTable
          label={words.invitations}
          rows={admin ? list.items : []}
          error={list.error}
          onRetry={() => void list.refetch()}
          more={list.more}
          id={(one) => one.id}
          columns={[
            {
              key: 'for',
              title: words.whom,
              render: (one) => (
                <>
                  <Text size="sm" fw={550}>
                    {one.email ?? words.anybody}
                  </Text>
                  <Text size="xs" c="dimmed">
                    {t.admin.users.roles[one.role]}
                  </Text>
                </>
              ),
            },
            { key: 'state', title: t.common.state, render: state },
            {
              key: 'by',
              title: words.by,
              from: 'md',
              render: (one) => <Text size="sm">{people.get(one.invited_by ?? '') ?? '–'}</Text>,
            },
            {
              key: 'used',
              title: words.usedBy,
              from: 'lg',
              render: (one) => <Text size="sm">{people.get(one.used_by ?? '') ?? '–'}</Text>,
            },
            { key: 'until', title: words.until, from: 'md', render: (one) => <When at={one.expires_at} size="sm" /> },
          ]}
          acts={menu}
          card={(one) => (
            <>
              <Group justify="space-between" wrap="nowrap">
                <Text fw={600} truncate>
                  {one.email ?? words.anybody}
                </Text>
                {menu(one)}
              </Group>
              <Group gap="md">
                {state(one)}
                <Text size="sm" c="dimmed">
                  {t.admin.users.roles[one.role]} · {words.until} <When at={one.expires_at} />
                </Text>
              </Group>
            </>
          )}
          empty={
            <Nothing
              icon={IconMail}
              title={admin ? words.invitationsNone : t.admin.adminsOnly}
              action={admin && invite}
            >
              {words.invitationsHint}
            </Nothing>
          }
        />
        {admin && <Acting />}
      </Stack>
    </>
  )
}

/** Who acts for whom at this moment. */
function Acting() {
  const t = useT()
  const words = t.admin.gifts
  const people = useUserNames()
  const list = usePages('listImpersonations', undefined, (asked, signal) =>
    listImpersonations({ query: asked, signal }),
  )
  const end = (one: Impersonation) =>
    confirm({
      title: words.endTitle(people.get(one.user_id) ?? ''),
      body: words.endBody,
      label: words.end,
      extra: <CommandHints hints={[{ method: 'DELETE', path: `/api/v1/impersonations/${one.id}` }]} />,
      act: () => endImpersonation({ path: { id: one.id } }).then(() => refetch('listImpersonations')),
    })
  return (
    <Section title={words.acting} about={words.actingAbout}>
      {!list.items?.length ? (
        <Text size="sm" c="dimmed">
          {words.actingNone}
        </Text>
      ) : (
        list.items.map((one) => (
          <Group key={one.id} justify="space-between" className="line" py={8}>
            <div>
              <Text size="sm" fw={550}>
                {words.actsFor(people.get(one.by) ?? '', people.get(one.user_id) ?? '')}
              </Text>
              <Text size="xs" c="dimmed">
                {one.reason} · {words.until} <When at={one.expires_at} />
              </Text>
            </div>
            <Button size="xs" variant="default" onClick={() => end(one)}>
              {words.end}
            </Button>
          </Group>
        ))
      )}
    </Section>
  )
}

function InviteDialog() {
  const t = useT()
  const words = t.admin.gifts
  const form = useForm({ initialValues: { email: '', role: 'user' as Role } })
  const { email, role } = form.values
  const body = { role, ...(email.trim() ? { email: email.trim() } : {}) }
  return (
    <DialogForm
      about={words.inviteAbout}
      label={words.invite}
      onCancel={() => modals.closeAll()}
      hints={[
        {
          cli: `innkeeper user invite ${email.trim()}${role === 'user' ? '' : ` --role ${role}`}`,
          path: '/api/v1/house-invitations',
          body,
        },
      ]}
      onRefused={(error, text) => atField(form, error, text)}
      submit={() =>
        inviteIntoHouse({ body }).then(({ data }) => {
          void refetch('listHouseInvitations')
          modals.closeAll()
          if (data.link)
            showSecret({
              title: words.link,
              secret: new URL(data.link, location.origin).href,
              about: words.linkAbout,
              close: t.common.savedIt,
            })
          else notifications.show({ color: 'teal', message: words.mailed(email.trim()) })
        })
      }
    >
      <TextInput
        data-autofocus
        type="email"
        label={`${words.email} (${t.common.optional})`}
        description={words.emailHint}
        inputWrapperOrder={['label', 'input', 'description', 'error']}
        autoComplete="off"
        {...form.getInputProps('email')}
      />
      <Select
        label={t.admin.users.role}
        description={t.admin.users.roleHints[role]}
        inputWrapperOrder={['label', 'input', 'description', 'error']}
        allowDeselect={false}
        data={roles.map((value) => ({ value, label: t.admin.users.roles[value] }))}
        {...form.getInputProps('role')}
      />
    </DialogForm>
  )
}
