import { expect, test } from 'vitest'
import type { HostTurn } from '~/api'
import { rowsOf, stretches, sums } from './turns'

const at = (minute: number) => new Date(Date.UTC(2026, 10, 21, 12, minute)).toISOString()
const turns: HostTurn[] = [
  { at: at(0), state: 'ready' },
  { at: at(10), state: 'idle' },
  { at: at(12), state: 'shutting_down' },
  { at: at(13), state: 'off' },
  { at: at(40), state: 'waking' },
  { at: at(42), state: 'booting' },
  { at: at(43), state: 'ready' },
]

test('turns are stretches of time; states of one kind are one', () => {
  const list = stretches(turns, Date.parse(at(5)), Date.parse(at(50)))
  expect(list.map(({ kind, from, to }) => [kind, (to - from) / 60_000])).toEqual([
    ['awake', 7],
    ['resting', 1],
    ['asleep', 27],
    ['waking', 3],
    ['awake', 7],
  ])
  expect(sums(list)[0]).toEqual(['asleep', 27 * 60])
  expect(sums(list)[1]).toEqual(['awake', 14 * 60])
})

test('what lies before the first turn or after the last time is not drawn', () => {
  expect(stretches(turns, Date.parse(at(-60)), Date.parse(at(5)))).toHaveLength(1)
  expect(stretches([], 0, 1)).toEqual([])
})

test('a week is seven days of the calendar, the last of them today', () => {
  const now = Date.parse(at(0))
  const rows = rowsOf('week', now)
  expect(rows).toHaveLength(7)
  expect(rows.at(-1)?.from).toBeLessThanOrEqual(now)
  expect(rows.at(-1)?.to).toBeGreaterThan(now)
  expect(rowsOf('day', now)).toHaveLength(1)
})
