// Live screens: what the house says has happened is asked for anew, one thing at a time, and put where it is shown.
// Where no stream of events can be had, what is shown is asked for again and again.
import { useSyncExternalStore } from 'react'
import {
  type Event as HouseEvent,
  type Instance,
  operationOf,
  queryClient,
  refetch,
  renewSession,
  type Subject,
} from '~/api'
import { getInstance, getOperation } from '~/api/gen/sdk.gen'
import { isProblem } from '~/api/problem'

export type Liveness = 'connecting' | 'live' | 'polling'
type Happened = Pick<HouseEvent, 'subject' | 'subject_id' | 'project_id' | 'what' | 'at' | 'seq'>

const POLL_MS = 10_000
const GATHER_MS = 120
/** Longer than it takes until a stream is open; after 8 s without one, everything is asked for anew. */
const BACK_S = 15
const subjects = [
  'instance',
  'operation',
  'cluster',
  'project',
  'lease',
  'host',
  'service',
  'announcement',
] as const satisfies Subject[]

let liveness: Liveness = 'connecting'
const watchers = new Set<() => void>()
const listeners = new Set<(event: Happened) => void>()

function become(now: Liveness) {
  if (now === liveness) return
  liveness = now
  for (const watcher of watchers) watcher()
}

/** Whether screens are live, and how. */
export const useLiveness = () =>
  useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher)
      return () => watchers.delete(watcher)
    },
    () => liveness,
  )

/** Calls `listener` with each event. */
export function onEvent(listener: (event: Happened) => void) {
  listeners.add(listener)
  return () => {
    listeners.delete(listener)
  }
}

/** Follows the house's events until the returned function is called. */
export function follow(): () => void {
  let source: EventSource | undefined
  let retry: ReturnType<typeof setTimeout> | undefined
  let poll: ReturnType<typeof setInterval> | undefined
  let last = ''
  let over = false

  const open = () => {
    // What happens between the questions of a page and this would otherwise be heard by nobody.
    source = new EventSource(`/api/v1/events?back=${BACK_S}`)
    source.onopen = () => {
      clearInterval(poll)
      poll = undefined
      // What happened in between was not heard.
      if (liveness === 'polling') void queryClient.invalidateQueries()
      become('live')
    }
    source.onerror = () => {
      if (over) return
      if (source?.readyState !== EventSource.CLOSED && liveness === 'live') return become('connecting')
      fall()
      if (source?.readyState !== EventSource.CLOSED) return
      source.close()
      clearTimeout(retry)
      retry = setTimeout(() => void renewSession().then((still) => still && !over && open()), 3000)
    }
    for (const subject of subjects)
      source.addEventListener(subject, (message) => {
        const event = JSON.parse((message as MessageEvent<string>).data) as Happened
        if (message.lastEventId === last) return
        last = message.lastEventId
        for (const listener of listeners) listener(event)
        heard(event)
      })
  }
  const fall = () => {
    become('polling')
    poll ??= setInterval(() => void queryClient.invalidateQueries(), POLL_MS)
  }
  open()
  const patience = setTimeout(() => liveness !== 'live' && fall(), 8000)
  return () => {
    over = true
    source?.close()
    clearTimeout(retry)
    clearTimeout(patience)
    clearInterval(poll)
    become('connecting')
  }
}

const waiting = new Map<string, ReturnType<typeof setTimeout>>()

/** Many events of one thing within a moment are one question. */
function gather(key: string, act: () => void) {
  if (waiting.has(key)) return
  waiting.set(
    key,
    setTimeout(() => {
      waiting.delete(key)
      act()
    }, GATHER_MS),
  )
}

/** What is no longer known when something of a kind has changed; instances and operations are asked for one by one. */
const stale: Record<Exclude<Subject, 'instance' | 'operation'>, string[]> = {
  cluster: ['listClusters', 'getCluster', 'listNodes', 'listGuests', 'listAdoptions'],
  project: [
    'getBalance',
    'listLedger',
    'getSpending',
    'listUsage',
    'getQuota',
    'listProjectPayments',
    'getPayment',
    'listPayments',
    'listProjectInvoices',
    'getFinance',
  ],
  lease: ['listLeases', 'getLease', 'getLeaseLog', 'getOrder', 'listOrders'],
  host: ['listHosts', 'getHost', 'getHostHistory', 'listHostReports'],
  service: ['listServices', 'getService', 'getServicePlayers', 'listRestarts', 'getRestart'],
  announcement: ['listAnnouncements', 'listShownAnnouncements'],
}

export function heard(event: Happened) {
  const { subject, subject_id: id } = event
  gather(`${subject}:${id}`, () => {
    if (subject === 'instance') void freshInstance(id)
    else if (subject === 'operation') void freshOperation(id)
    else void refetch(...stale[subject])
  })
  // What can be done with its instances is then another, although nothing happened to them.
  if (subject === 'project' && event.what.startsWith('billing_hold'))
    gather(`hold:${id}`, () => void refetch('listInstances', 'getInstance'))
}

/** Asks for one instance and puts it into every list that shows it. */
export async function freshInstance(id: string) {
  try {
    const { data } = await getInstance({ path: { id } })
    for (const query of queryClient.getQueryCache().getAll()) {
      const operation = operationOf(query.queryKey)
      const key = query.queryKey[0] as { whole?: boolean; scope?: string; path?: { id?: string } }
      if (operation === 'getInstance' && key.path?.id === id) queryClient.setQueryData(query.queryKey, data)
      if (operation === 'listInstances' && key.whole) {
        if (key.scope && key.scope !== data.project_id) continue
        queryClient.setQueryData<Instance[]>(query.queryKey, (list) => replaced(list, data))
      }
    }
  } catch (error) {
    if (isProblem(error) && error.status === 404) gone(id)
  }
}

function replaced(list: Instance[] | undefined, now: Instance) {
  if (!list) return list
  const without = now.deleted_at ? list.filter((one) => one.id !== now.id) : list
  if (without !== list) return without
  return list.some((one) => one.id === now.id) ? list.map((one) => (one.id === now.id ? now : one)) : [now, ...list]
}

function gone(id: string) {
  queryClient.setQueriesData<Instance[]>(
    {
      predicate: (query) =>
        operationOf(query.queryKey) === 'listInstances' && (query.queryKey[0] as { whole?: boolean }).whole === true,
    },
    (list) => list?.filter((one) => one.id !== id),
  )
}

async function freshOperation(id: string) {
  const { data } = await getOperation({ path: { id } }).catch(() => ({ data: undefined }))
  if (!data) return
  for (const query of queryClient.getQueryCache().getAll())
    if (
      operationOf(query.queryKey) === 'getOperation' &&
      (query.queryKey[0] as { path?: { id?: string } }).path?.id === id
    )
      queryClient.setQueryData(query.queryKey, data)
  void refetch('listOperations')
  if (data.ended_at) {
    void freshInstance(data.instance_id)
    void refetch(
      'listSnapshots',
      'listInstanceBackups',
      'listBackups',
      'listSchedules',
      'listCards',
      'listDisks',
      'getFirewall',
      'getBalance',
      'getQuota',
    )
  }
}
