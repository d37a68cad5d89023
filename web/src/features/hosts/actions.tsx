import { modals } from '@mantine/modals'
import { notifications } from '@mantine/notifications'
import { IconAlarm, IconAlarmOff, IconEraser, IconHandStop, IconMoon, IconSun, IconTool } from '@tabler/icons-react'
import { useMemo } from 'react'
import { type Host, refetch } from '~/api'
import {
  beginHostMaintenance,
  cancelHostSleep,
  clearHost,
  endHostMaintenance,
  sleepHost,
  stopKeepingHostAwake,
  wakeHost,
} from '~/api/gen/sdk.gen'
import { CommandHints, type Hint } from '~/components/CommandHints'
import { confirm } from '~/components/confirm'
import type { Deed } from '~/features/admin/RowActions'
import { useT } from '~/i18n'
import { useAct } from '~/lib/act'
import { useReason } from '~/lib/problems'
import { KeepAwakeDialog } from './KeepAwakeDialog'
import { canOf, isGoingDown } from './queries'

/** What is no longer known when a host was asked for something. */
export const staleHost = () => refetch('listHosts', 'getHost', 'getHostHistory', 'listHostReports')

/** The commands for what can be done with a host. */
export function hostHints(host: Pick<Host, 'id' | 'name'>) {
  const path = `/api/v1/hosts/${host.id}`
  const cli = (what: string) => `innkeeper host ${what.replace('NAME', host.name)}`
  return {
    show: { cli: cli('status NAME'), method: 'GET', path },
    wake: { cli: cli('wake NAME --wait'), path: `${path}/wake`, body: {} },
    sleep: { cli: cli('sleep NAME'), path: `${path}/sleep` },
    cancel: { cli: cli('cancel NAME'), path: `${path}/cancel-sleep` },
    keepEnd: { cli: cli('keep-awake NAME --end'), method: 'DELETE', path: `${path}/keep-awake` },
    maintain: { cli: cli('maintenance NAME'), method: 'PUT', path: `${path}/maintenance` },
    maintainEnd: { cli: cli('maintenance NAME --end'), method: 'DELETE', path: `${path}/maintenance` },
    clear: { cli: cli('clear NAME'), path: `${path}/clear` },
    check: { cli: cli('check NAME'), method: 'GET', path: `${path}/check` },
    key: { cli: cli('key NAME'), method: 'GET', path: `${path}/key` },
    history: { cli: cli('history NAME'), method: 'GET', path: `${path}/history` },
    remove: { cli: cli('remove NAME'), method: 'DELETE', path },
  } satisfies Record<string, Hint>
}

/** Everything that can be done with a host, or why it cannot be done now. */
export function useHostActions(host: Host): Deed[] {
  const t = useT()
  const words = t.hosts
  const reason = useReason()
  const { id, name, state } = host
  const path = { id }
  const wake = useAct(() => wakeHost({ path, body: {} }), { done: words.woken(name), onDone: staleHost })
  const cancel = useAct(() => cancelHostSleep({ path }), { done: words.cancelled(name), onDone: staleHost })
  const keepEnd = useAct(() => stopKeepingHostAwake({ path }), { done: words.keepEnded(name), onDone: staleHost })
  const clear = useAct(() => clearHost({ path }), { done: words.cleared(name), onDone: staleHost })
  return useMemo(() => {
    const hints = hostHints(host)
    const ask = (title: string, body: string, label: string, hint: Hint, act: () => Promise<unknown>, said?: string) =>
      confirm({
        title,
        body,
        label,
        danger: false,
        extra: <CommandHints hints={[hint]} />,
        act: () =>
          act().then(() => {
            if (said) notifications.show({ color: 'teal', message: said })
            return staleHost()
          }),
      })
    const mayWake = reason(canOf(host, 'wake'))
    // Whoever may wake it may call off its sleep, keep it awake and clear an error, whatever bars waking now.
    const forbidden = canOf(host, 'wake')?.code === 'forbidden' ? words.mayNot : undefined
    const handsOff = state === 'maintenance' ? mayWake : undefined
    const going = isGoingDown(state) || !!host.sleep
    const ends = state === 'maintenance'
    return [
      { id: 'wake', label: words.wake, icon: IconSun, why: mayWake, run: () => wake.mutate(undefined) },
      {
        id: 'sleep',
        label: words.sleep,
        icon: IconMoon,
        why: reason(canOf(host, 'sleep')),
        run: () =>
          ask(
            words.sleepTitle(name),
            words.sleepBody,
            words.sleep,
            hints.sleep,
            () => sleepHost({ path: { id } }),
            words.sleeping(name),
          ),
      },
      {
        id: 'cancel',
        label: words.cancel,
        icon: IconHandStop,
        why: forbidden ?? handsOff ?? (!going ? words.notGoing : state === 'shutting_down' && words.tooLate),
        run: () => cancel.mutate(undefined),
      },
      {
        id: 'keep',
        label: `${words.keep}…`,
        icon: IconAlarm,
        why: forbidden ?? handsOff,
        run: () =>
          modals.open({
            title: words.keepTitle(name),
            children: <KeepAwakeDialog host={host} onDone={() => modals.closeAll()} />,
          }),
      },
      {
        id: 'keep-end',
        label: words.keepEnd,
        icon: IconAlarmOff,
        why: forbidden ?? handsOff ?? (!host.awake_until && words.notKept),
        run: () => keepEnd.mutate(undefined),
      },
      {
        id: 'maintain',
        label: ends ? words.maintainEnd : words.maintain,
        icon: IconTool,
        why: reason(canOf(host, 'maintain')),
        run: () =>
          ask(
            ends ? words.maintainEndTitle(name) : words.maintainTitle(name),
            ends ? words.maintainEndBody : words.maintainBody,
            ends ? words.maintainEnd : words.maintain,
            ends ? hints.maintainEnd : hints.maintain,
            () => (ends ? endHostMaintenance({ path: { id } }) : beginHostMaintenance({ path: { id } })),
          ),
      },
      {
        id: 'clear',
        label: words.clear,
        icon: IconEraser,
        why: forbidden ?? (state !== 'error' && words.noError),
        run: () => clear.mutate(undefined),
      },
    ]
  }, [host, id, name, state, words, reason, wake.mutate, cancel.mutate, keepEnd.mutate, clear.mutate])
}
