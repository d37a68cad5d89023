import type { HostState, HostTurn } from '~/api'
import type { Tone } from '~/components/StatusBadge'

/** What a host did, as it is drawn: several states are one kind. */
export const kinds = ['awake', 'asleep', 'waking', 'resting', 'maintenance', 'error', 'unknown'] as const
export type Kind = (typeof kinds)[number]

export const kindOf: Record<HostState, Kind> = {
  unknown: 'unknown',
  off: 'asleep',
  waking: 'waking',
  booting: 'waking',
  ready: 'awake',
  idle: 'awake',
  draining: 'resting',
  shutting_down: 'resting',
  maintenance: 'maintenance',
  error: 'error',
}

export const kindTone: Record<Kind, Tone> = {
  awake: 'good',
  asleep: 'quiet',
  waking: 'busy',
  resting: 'warn',
  maintenance: 'odd',
  error: 'bad',
  unknown: 'quiet',
}

/** From `from` until `to` a host did this; times in milliseconds. */
export type Stretch = { kind: Kind; from: number; to: number }

/** Turns as stretches between two times; neighbours of one kind are one. Before the first turn nothing is drawn. */
export function stretches(turns: HostTurn[], from: number, to: number): Stretch[] {
  const list: Stretch[] = []
  turns.forEach((turn, n) => {
    const next = turns[n + 1]
    const begin = Math.max(from, Date.parse(turn.at))
    const end = Math.min(to, next ? Date.parse(next.at) : to)
    if (end <= begin) return
    const kind = kindOf[turn.state]
    const last = list.at(-1)
    if (last?.kind === kind && last.to === begin) last.to = end
    else list.push({ kind, from: begin, to: end })
  })
  return list
}

/** For how many seconds it did what, the longest first. */
export function sums(list: Stretch[]): [Kind, number][] {
  const of = new Map<Kind, number>()
  for (const one of list) of.set(one.kind, (of.get(one.kind) ?? 0) + (one.to - one.from) / 1000)
  return [...of].filter(([, seconds]) => seconds >= 1).sort((a, b) => b[1] - a[1])
}

const DAY_MS = 86_400_000
export type Row = { from: number; to: number; today: boolean }

/** The lines of the picture: the last day as one, or the last seven days of the calendar as one each. */
export function rowsOf(range: 'day' | 'week', now: number): Row[] {
  if (range === 'day') return [{ from: now - DAY_MS, to: now, today: true }]
  return Array.from({ length: 7 }, (_, n) => {
    // By the calendar, since some days have 23 or 25 hours.
    const day = new Date(now)
    day.setHours(0, 0, 0, 0)
    day.setDate(day.getDate() - (6 - n))
    const next = new Date(day)
    next.setDate(next.getDate() + 1)
    return { from: day.getTime(), to: next.getTime(), today: n === 6 }
  })
}
