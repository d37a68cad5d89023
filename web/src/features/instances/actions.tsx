import { modals } from '@mantine/modals'
import { notifications } from '@mantine/notifications'
import {
  IconArrowBackUp,
  IconArrowsDiff,
  IconArrowsMove,
  IconCamera,
  IconCopy,
  IconDatabaseExport,
  IconDisc,
  IconFirstAidKit,
  IconHammer,
  IconKey,
  IconLock,
  IconPassword,
  IconPlayerPause,
  IconPlayerPlay,
  IconPlugConnectedX,
  IconPower,
  IconRefresh,
  IconShield,
  IconShieldOff,
  IconTrash,
  IconTrashX,
  type TablerIcon,
} from '@tabler/icons-react'
import { lazy, type ReactNode, Suspense, useMemo } from 'react'
import type { Instance, InstanceAction, Operation } from '~/api'
import { refetch } from '~/api'
import {
  deleteInstance,
  makeBackup,
  pauseInstance,
  protectInstance,
  rebootInstance,
  recoverInstance,
  rescueInstance,
  resumeInstance,
  shutDownInstance,
  startInstance,
  stopInstance,
} from '~/api/gen/sdk.gen'
import { freshInstance } from '~/app/live'
import { CommandHints, type Hint } from '~/components/CommandHints'
import { confirm } from '~/components/confirm'
import { Lines } from '~/components/states'
import { useT } from '~/i18n'
import { useIsStaff, useMayChange } from '~/lib/me'
import { useProblemText, useReason } from '~/lib/problems'

// Dialogs are loaded when they are opened: most lists are only looked at.
const DiscDialog = lazy(() => import('./dialogs/DiscDialog').then((file) => ({ default: file.DiscDialog })))
const DuplicateDialog = lazy(() =>
  import('./dialogs/DuplicateDialog').then((file) => ({ default: file.DuplicateDialog })),
)
const KeysDialog = lazy(() => import('./dialogs/KeysDialog').then((file) => ({ default: file.KeysDialog })))
const MoveDialog = lazy(() => import('./dialogs/MoveDialog').then((file) => ({ default: file.MoveDialog })))
const PasswordDialog = lazy(() => import('./dialogs/PasswordDialog').then((file) => ({ default: file.PasswordDialog })))
const RebuildDialog = lazy(() => import('./dialogs/RebuildDialog').then((file) => ({ default: file.RebuildDialog })))
const ResizeDialog = lazy(() => import('./dialogs/ResizeDialog').then((file) => ({ default: file.ResizeDialog })))
const SnapshotDialog = lazy(() => import('./dialogs/SnapshotDialog').then((file) => ({ default: file.SnapshotDialog })))

export type Doable = {
  id: string
  label: string
  icon: TablerIcon
  why: string | undefined
  run: () => void
  danger?: boolean
  group: 'power' | 'change' | 'keep' | 'access' | 'end'
  hint?: Hint
}

/** What can be done with an instance, in the words of the language in use, with the reason where it cannot be done now. */
export function useInstanceActions(instance: Instance): Doable[] {
  const t = useT()
  const reason = useReason()
  const text = useProblemText()
  const staff = useIsStaff()
  const mayChange = useMayChange(instance.project_id)
  return useMemo(() => {
    const { id, name, state } = instance
    const path = `/api/v1/instances/${id}`
    const does = t.instances.do
    const why = (action: InstanceAction) => mayChange ?? reason(instance.actions.find((one) => one.action === action))

    /** Asks for an operation; what goes wrong is told in a corner. */
    const ask = (verb: string, act: () => Promise<{ data: unknown }>) => async () => {
      try {
        const { data } = await act()
        notifications.show({ message: t.operations.askedToast(verb, name) })
        settle(data as Operation | Instance, id)
      } catch (error) {
        notifications.show({ color: 'red', title: t.common.refused, message: text(error), autoClose: 8000 })
      }
    }
    /** The same after a question, where what goes wrong is told as well. */
    const askAfter =
      (
        question: { title: string; body: ReactNode; label: string; name?: string; danger?: boolean; hint: Hint },
        act: () => Promise<{ data: unknown }>,
      ) =>
      () =>
        confirm({
          ...question,
          extra: <CommandHints hints={[question.hint]} />,
          act: async () => settle((await act()).data as Operation, id),
        })
    const dialog = (title: string, content: ReactNode, size?: string) => () =>
      modals.open({ title, children: <Suspense fallback={<Lines count={3} />}>{content}</Suspense>, size })
    const close = () => modals.closeAll()
    const given = { path: { id } }
    const runs = state === 'running' ? t.instances.alreadyRuns : undefined
    const rests = state === 'stopped' ? t.instances.notRunning : undefined

    const list: Doable[] = [
      {
        id: 'start',
        group: 'power',
        label: does.start,
        icon: IconPlayerPlay,
        why: runs ?? why('start'),
        run: ask(does.start, () => startInstance(given)),
        hint: { cli: `innkeeper instance start ${name}`, path: `${path}/start` },
      },
      {
        id: 'shutdown',
        group: 'power',
        label: does.shutdown,
        icon: IconPower,
        why: rests ?? why('shutdown'),
        run: ask(does.shutdown, () => shutDownInstance(given)),
        hint: { cli: `innkeeper instance shutdown ${name}`, path: `${path}/shutdown` },
      },
      {
        id: 'reboot',
        group: 'power',
        label: does.reboot,
        icon: IconRefresh,
        why: why('reboot'),
        run: ask(does.reboot, () => rebootInstance(given)),
        hint: { cli: `innkeeper instance reboot ${name}`, path: `${path}/reboot` },
      },
      {
        id: 'stop',
        group: 'power',
        label: does.stop,
        icon: IconPlugConnectedX,
        danger: true,
        why: rests ?? why('stop'),
        hint: { cli: `innkeeper instance stop ${name}`, path: `${path}/stop` },
        run: askAfter(
          {
            title: t.instances.stopTitle(name),
            body: t.instances.stopBody,
            label: does.stop,
            hint: { cli: `innkeeper instance stop ${name}`, path: `${path}/stop` },
          },
          () => stopInstance(given),
        ),
      },
      state === 'paused'
        ? {
            id: 'resume',
            group: 'power',
            label: does.resume,
            icon: IconPlayerPlay,
            why: why('resume'),
            run: ask(does.resume, () => resumeInstance(given)),
            hint: { cli: `innkeeper instance resume ${name}`, path: `${path}/resume` },
          }
        : {
            id: 'pause',
            group: 'power',
            label: does.pause,
            icon: IconPlayerPause,
            why: why('pause'),
            run: ask(does.pause, () => pauseInstance(given)),
            hint: { cli: `innkeeper instance pause ${name}`, path: `${path}/pause` },
          },
      {
        id: 'snapshot',
        group: 'keep',
        label: does.snapshot,
        icon: IconCamera,
        why: why('snapshot'),
        run: dialog(does.snapshot, <SnapshotDialog instance={instance} onDone={close} />),
      },
      {
        id: 'backup',
        group: 'keep',
        label: does.backup,
        icon: IconDatabaseExport,
        why: why('backup'),
        run: ask(does.backup, () => makeBackup({ ...given, body: {} })),
        hint: { cli: `innkeeper backup make ${name}`, path: `${path}/backups`, body: {} },
      },
      {
        id: 'duplicate',
        group: 'keep',
        label: does.duplicate,
        icon: IconCopy,
        why: why('duplicate'),
        run: dialog(t.instances.duplicateTitle(name), <DuplicateDialog instance={instance} onDone={close} />),
      },
      {
        id: 'resize',
        group: 'change',
        label: does.resize,
        icon: IconArrowsDiff,
        why: why('resize'),
        run: dialog(t.instances.resizeTitle(name), <ResizeDialog instance={instance} onDone={close} />, 'xl'),
      },
      {
        id: 'rebuild',
        group: 'change',
        label: does.rebuild,
        icon: IconHammer,
        danger: true,
        why: why('rebuild'),
        run: dialog(t.instances.rebuildTitle(name), <RebuildDialog instance={instance} onDone={close} />),
      },
      {
        id: 'disc',
        group: 'change',
        label: does.disc,
        icon: IconDisc,
        why: why('disc'),
        run: dialog(t.instances.discTitle(name), <DiscDialog instance={instance} onDone={close} />),
      },
      {
        id: 'rescue',
        group: 'change',
        label: does.rescue,
        icon: IconFirstAidKit,
        why: why('rescue'),
        run: askAfter(
          {
            title: t.instances.rescueTitle(name),
            body: t.instances.rescueBody,
            label: does.rescue,
            danger: false,
            hint: {
              cli: `innkeeper instance rescue ${name}`,
              method: 'PUT',
              path: `${path}/rescue`,
              body: { on: true },
            },
          },
          () => rescueInstance({ ...given, body: { on: true } }),
        ),
      },
      {
        id: 'unrescue',
        group: 'change',
        label: does.unrescue,
        icon: IconArrowBackUp,
        why: why('rescue'),
        run: askAfter(
          {
            title: does.unrescue,
            body: t.instances.unrescueBody,
            label: does.unrescue,
            danger: false,
            hint: {
              cli: `innkeeper instance unrescue ${name}`,
              method: 'PUT',
              path: `${path}/rescue`,
              body: { on: false },
            },
          },
          () => rescueInstance({ ...given, body: { on: false } }),
        ),
      },
      {
        id: 'password',
        group: 'access',
        label: does.password,
        icon: IconPassword,
        why: why('command'),
        run: dialog(t.instances.passwordTitle(name), <PasswordDialog instance={instance} onDone={close} />),
      },
      {
        id: 'keys',
        group: 'access',
        label: does.keys,
        icon: IconKey,
        why: why('command'),
        run: dialog(t.instances.keysTitle(name), <KeysDialog instance={instance} onDone={close} />),
      },
      instance.protected
        ? {
            id: 'unprotect',
            group: 'end',
            label: does.unprotect,
            icon: IconShieldOff,
            why: why('protect'),
            run: ask(does.unprotect, () => protectInstance({ ...given, body: { protected: false } })),
            hint: {
              cli: `innkeeper instance unprotect ${name}`,
              method: 'PUT',
              path: `${path}/protection`,
              body: { protected: false },
            },
          }
        : {
            id: 'protect',
            group: 'end',
            label: does.protect,
            icon: IconShield,
            why: why('protect'),
            run: ask(does.protect, () => protectInstance({ ...given, body: { protected: true } })),
            hint: {
              cli: `innkeeper instance protect ${name}`,
              method: 'PUT',
              path: `${path}/protection`,
              body: { protected: true },
            },
          },
    ]
    if (staff)
      list.push({
        id: 'migrate',
        group: 'change',
        label: does.migrate,
        icon: IconArrowsMove,
        why: why('migrate'),
        run: dialog(t.instances.moveTitle(name), <MoveDialog instance={instance} onDone={close} />),
      })
    if (instance.trashed_until)
      list.push({
        id: 'recover',
        group: 'end',
        label: does.recover,
        icon: IconLock,
        why: why('recover'),
        run: ask(does.recover, () => recoverInstance(given)),
        hint: { cli: `innkeeper instance recover ${name}`, path: `${path}/recover` },
      })
    else
      list.push({
        id: 'trash',
        group: 'end',
        label: does.trash,
        icon: IconTrash,
        danger: true,
        why: why('trash'),
        hint: { cli: `innkeeper instance delete ${name}`, method: 'DELETE', path },
        run: askAfter(
          {
            title: t.instances.trashTitle(name),
            body: t.instances.trashBody,
            label: does.trash,
            hint: { cli: `innkeeper instance delete ${name}`, method: 'DELETE', path },
          },
          () => deleteInstance(given),
        ),
      })
    list.push({
      id: 'delete',
      group: 'end',
      label: does.remove,
      icon: IconTrashX,
      danger: true,
      why: why('delete'),
      hint: { cli: `innkeeper instance delete ${name} --now`, method: 'DELETE', path: `${path}?now=true` },
      run: askAfter(
        {
          title: t.instances.deleteTitle(name),
          body: t.instances.deleteBody,
          label: does.remove,
          name,
          hint: { cli: `innkeeper instance delete ${name} --now`, method: 'DELETE', path: `${path}?now=true` },
        },
        () => deleteInstance({ ...given, query: { now: true } }),
      ),
    })
    return list
  }, [instance, t, reason, text, staff, mayChange])
}

/** After something was asked for: the instance, and what shows operations, are looked at anew. */
export function settle(_answer: unknown, id: string) {
  void freshInstance(id)
  void refetch('listOperations', 'listSnapshots', 'listInstanceBackups')
}
