import { Select, Stack } from '@mantine/core'
import { modals } from '@mantine/modals'
import { notifications } from '@mantine/notifications'
import {
  IconBan,
  IconCoin,
  IconLockOpen,
  IconMasksTheater,
  IconShieldOff,
  IconUserCheck,
  IconUserEdit,
  IconUserOff,
} from '@tabler/icons-react'
import { useState } from 'react'
import { actWith, type Role, refetch, type User } from '~/api'
import {
  banUser,
  changeUser,
  impersonateUser,
  resetFactors,
  suspendUser,
  unbanUser,
  unsuspendUser,
} from '~/api/gen/sdk.gen'
import { CommandHints, type Hint } from '~/components/CommandHints'
import { confirm } from '~/components/confirm'
import { DialogForm } from '~/components/DialogForm'
import { Badge, type Tone } from '~/components/StatusBadge'
import { goAfresh } from '~/features/auth/hash'
import { useT } from '~/i18n'
import { useIsAdmin, useMe } from '~/lib/me'
import { shellWord } from '~/lib/words'
import { AdjustDialog } from './AdjustDialog'
import { askReason } from './ReasonDialog'
import type { Deed } from './RowActions'

export const roles: Role[] = ['user', 'operator', 'admin']

const stands = (user: User) =>
  user.ban ? 'banned' : user.suspension ? 'suspended' : user.email_verified ? 'good' : 'unverified'
const tones: Record<ReturnType<typeof stands>, Tone> = {
  good: 'good',
  unverified: 'quiet',
  suspended: 'warn',
  banned: 'bad',
}

export function StandingBadge({ user }: { user: User }) {
  const t = useT()
  const standing = stands(user)
  return <Badge tone={tones[standing]}>{t.admin.users.standings[standing]}</Badge>
}

const stale = () => void refetch('listUsers', 'getUser', 'listAudit', 'listInstances')

/** Everything that can be done with a user; what cannot says why. */
export function useUserDeeds(user: User): Deed[] {
  const t = useT()
  const words = t.admin.users
  const me = useMe()
  const admin = useIsAdmin()
  const path = { id: user.id }
  const url = `/api/v1/users/${user.id}`
  const cli = (verb: string, more = '') => `innkeeper user ${verb} ${user.email}${more}`
  const notAdmin = admin ? undefined : t.admin.adminsOnly
  const self = user.id === me.user.id ? words.yourself : undefined
  const done = () => {
    stale()
    notifications.show({ color: 'teal', message: t.common.saved })
  }
  const simple = (title: string, body: string, label: string, hint: Hint, act: () => Promise<unknown>, name?: string) =>
    confirm({ title, body, label, name, danger: name !== undefined, extra: <CommandHints hints={[hint]} />, act })
  return [
    {
      id: 'credit',
      label: words.giveCredits,
      icon: IconCoin,
      why: notAdmin,
      run: () =>
        modals.open({
          title: words.creditsTitle(user.name),
          children: <AdjustDialog projectId={user.personal_project} onDone={() => modals.closeAll()} />,
        }),
    },
    {
      id: 'role',
      label: words.changeRole,
      icon: IconUserEdit,
      why: notAdmin ?? self,
      run: () =>
        modals.open({
          title: words.roleTitle(user.name),
          children: <RoleDialog user={user} onDone={() => modals.closeAll()} />,
        }),
    },
    {
      id: 'impersonate',
      label: words.impersonate,
      icon: IconMasksTheater,
      why: notAdmin ?? self ?? (user.role === 'admin' ? words.notForAdmins : undefined),
      run: () =>
        askReason({
          title: words.impersonateTitle(user.name),
          about: words.impersonateAbout,
          label: words.impersonate,
          reasonHint: words.reasonLogged,
          hints: (reason) => [
            {
              cli: cli('impersonate', ` --reason ${shellWord(reason || 'A ticket')}`),
              path: `${url}/impersonate`,
              body: { reason },
            },
          ],
          act: async (reason) => {
            const { data } = await impersonateUser({ path, body: { reason } })
            actWith(data.token)
            goAfresh('/')
          },
        }),
    },
    {
      id: 'factors',
      label: words.resetFactors,
      icon: IconShieldOff,
      why: notAdmin ?? self,
      run: () =>
        simple(
          words.resetTitle(user.name),
          words.resetBody,
          words.resetFactors,
          { cli: cli('reset-factors'), method: 'DELETE', path: `${url}/factors` },
          () => resetFactors({ path }).then(done),
          user.email,
        ),
    },
    user.suspension
      ? {
          id: 'unsuspend',
          label: words.unsuspend,
          icon: IconUserCheck,
          why: notAdmin,
          run: () =>
            simple(
              words.unsuspendTitle(user.name),
              words.unsuspendBody,
              words.unsuspend,
              { cli: cli('unsuspend'), path: `${url}/unsuspend` },
              () => unsuspendUser({ path }).then(done),
            ),
        }
      : {
          id: 'suspend',
          label: words.suspend,
          icon: IconUserOff,
          danger: true,
          why: notAdmin ?? self,
          run: () =>
            askReason({
              title: words.suspendTitle(user.name),
              about: words.suspendAbout,
              label: words.suspend,
              danger: true,
              reasonHint: words.reasonShown,
              hints: (reason) => [
                {
                  cli: cli('suspend', ` --reason ${shellWord(reason || 'Unpaid')}`),
                  path: `${url}/suspend`,
                  body: { reason },
                },
              ],
              act: (reason) => suspendUser({ path, body: { reason } }).then(done),
            }),
        },
    user.ban
      ? {
          id: 'unban',
          label: words.unban,
          icon: IconLockOpen,
          why: notAdmin,
          run: () =>
            simple(
              words.unbanTitle(user.name),
              words.unbanBody,
              words.unban,
              { cli: cli('unban'), path: `${url}/unban` },
              () => unbanUser({ path }).then(done),
            ),
        }
      : {
          id: 'ban',
          label: words.ban,
          icon: IconBan,
          danger: true,
          why: notAdmin ?? self,
          run: () =>
            askReason({
              title: words.banTitle(user.name),
              about: words.banAbout,
              label: words.ban,
              danger: true,
              reasonHint: words.reasonShown,
              until: { label: words.until, hint: words.untilHint },
              hints: (reason, until) => [
                {
                  cli: cli('ban', ` --reason ${shellWord(reason || 'Abuse')}${until ? ` --until ${until}` : ''}`),
                  path: `${url}/ban`,
                  body: { reason, ...(until ? { until } : {}) },
                },
              ],
              act: (reason, until) => banUser({ path, body: { reason, ...(until ? { until } : {}) } }).then(done),
            }),
        },
  ]
}

function RoleDialog({ user, onDone }: { user: User; onDone: () => void }) {
  const t = useT()
  const words = t.admin.users
  const [role, setRole] = useState<Role>(user.role)
  return (
    <DialogForm
      label={words.changeRole}
      onCancel={onDone}
      disabled={role === user.role}
      hints={[
        {
          cli: `innkeeper user change ${user.email} --role ${role}`,
          method: 'PATCH',
          path: `/api/v1/users/${user.id}`,
          body: { role },
        },
      ]}
      submit={() =>
        changeUser({ path: { id: user.id }, body: { role } }).then(() => {
          stale()
          onDone()
        })
      }
    >
      <Stack gap="xs">
        <Select
          label={words.role}
          description={words.roleHints[role]}
          inputWrapperOrder={['label', 'input', 'description', 'error']}
          allowDeselect={false}
          data={roles.map((value) => ({ value, label: words.roles[value] }))}
          value={role}
          onChange={(next) => setRole(next as Role)}
        />
      </Stack>
    </DialogForm>
  )
}
