import { Group, SegmentedControl, Text } from '@mantine/core'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { getHostHistoryOptions, type Host, type HostTurn } from '~/api'
import { CommandHints } from '~/components/CommandHints'
import { Section } from '~/components/Section'
import { Badge, tones } from '~/components/StatusBadge'
import { Answered } from '~/components/states'
import { useT } from '~/i18n'
import { useFormat } from '~/lib/format'
import { hostHints } from './actions'
import classes from './Slept.module.css'
import { HostStatus, useHours } from './status'
import { type Kind, kinds, kindTone, type Row, rowsOf, stretches, sums } from './turns'
import { useNow } from './useNow'

export type Range = 'day' | 'week'
const MINUTE_MS = 60_000
const MOST_TURNS = 200
/** A word stands in a part of the picture only where there is room for it, as a share of the line. */
const ROOM = { day: 0.09, week: 0.14 }

/** When a host slept and when it was awake: a picture, the same in words, and every turn. */
export function Slept({ host, range, onRange }: { host: Host; range: Range; onRange: (range: Range) => void }) {
  const words = useT().hosts
  // To the minute, so that the question stays the same for a while.
  const minute = Math.floor(useNow() / MINUTE_MS) * MINUTE_MS
  const rows = useMemo(() => rowsOf(range, minute + MINUTE_MS), [range, minute])
  const from = new Date(rows[0]?.from ?? minute).toISOString()
  const query = useQuery({
    ...getHostHistoryOptions({ path: { id: host.id }, query: { from } }),
    placeholderData: keepPreviousData,
  })
  return (
    <Section
      title={words.history}
      action={
        <SegmentedControl
          size="xs"
          value={range}
          aria-label={words.range}
          onChange={(next) => onRange(next as Range)}
          data={(['day', 'week'] as const).map((value) => ({ value, label: words.ranges[value] }))}
        />
      }
    >
      <Answered query={query} lines={3}>
        {(turns) => <Picture turns={turns} rows={rows} range={range} now={minute + MINUTE_MS} />}
      </Answered>
    </Section>
  )
}

function Picture({ turns, rows, range, now }: { turns: HostTurn[]; rows: Row[]; range: Range; now: number }) {
  const words = useT().hosts
  const hours = useHours()
  const all = sums(stretches(turns, rows[0]?.from ?? now, now))
  const shown = kinds.filter((kind) => all.some(([one]) => one === kind))
  return (
    <>
      {rows.map((row) => (
        <Line key={row.from} row={row} turns={turns} range={range} now={now} />
      ))}
      <Hours row={rows[0]} range={range} />
      <Group gap="lg" mt="sm" component="ul" p={0} m={0} style={{ listStyle: 'none' }}>
        {shown.map((kind) => (
          <Group key={kind} component="li" gap={6}>
            <Badge tone={kindTone[kind]}>{words.kinds[kind]}</Badge>
            <Text size="sm" c="dimmed" className="tnum">
              {hours(all.find(([one]) => one === kind)?.[1] ?? 0)}
            </Text>
          </Group>
        ))}
      </Group>
    </>
  )
}

/** One line of the picture, and what it says to whoever cannot see it. */
function Line({ row, turns, range, now }: { row: Row; turns: HostTurn[]; range: Range; now: number }) {
  const words = useT().hosts
  const f = useFormat()
  const hours = useHours()
  const list = stretches(turns, row.from, Math.min(row.to, now))
  const whole = row.to - row.from
  const when = range === 'day' ? words.ranges.day : f.day(row.from)
  const said = sums(list).map(([kind, seconds]) => words.part(words.kinds[kind], hours(seconds)))
  return (
    <div className={range === 'day' ? `${classes.row} ${classes.alone}` : classes.row}>
      {range === 'week' && (
        <Text size="xs" c={row.today ? undefined : 'dimmed'} fw={row.today ? 600 : 400} ta="right" className="tnum">
          {when}
        </Text>
      )}
      <div
        className={classes.bar}
        role="img"
        aria-label={words.picture(when, said.length ? said.join(', ') : words.kinds.unknown)}
      >
        {list.map((one) => (
          <span
            key={one.from}
            className={classes.part}
            data-kind={one.kind}
            title={words.span(f.clock(one.from), f.clock(one.to), words.kinds[one.kind])}
            style={{
              ['--part' as string]: tones[kindTone[one.kind as Kind]],
              left: `${((one.from - row.from) / whole) * 100}%`,
              width: `${((one.to - one.from) / whole) * 100}%`,
            }}
          >
            {(one.to - one.from) / whole > ROOM[range] && words.kinds[one.kind]}
          </span>
        ))}
      </div>
    </div>
  )
}

function Hours({ row, range }: { row: Row | undefined; range: Range }) {
  const words = useT().hosts
  const f = useFormat()
  if (!row) return null
  const ticks = [0, 0.25, 0.5, 0.75, 1]
  return (
    <div className={range === 'day' ? `${classes.row} ${classes.alone}` : classes.row} aria-hidden>
      {range === 'week' && <span />}
      <div className={classes.hours}>
        {ticks.map((tick) => (
          <span key={tick} style={{ left: `${tick * 100}%` }}>
            {range === 'day' && tick === 1 ? words.now : f.clock(row.from + tick * (row.to - row.from))}
          </span>
        ))}
      </div>
    </div>
  )
}

/** Every turn of the last seven days, the newest first. */
export function Turns({ host }: { host: Host }) {
  const words = useT().hosts
  const f = useFormat()
  const hours = useHours()
  const query = useQuery(getHostHistoryOptions({ path: { id: host.id } }))
  return (
    <Section title={words.turns}>
      <Answered query={query} lines={6}>
        {(turns) =>
          turns.length === 0 ? (
            <Text size="sm" c="dimmed">
              {words.turnsNone}
            </Text>
          ) : (
            <ul style={{ listStyle: 'none', margin: '0 0 16px', padding: 0 }} aria-label={words.turns}>
              {turns
                .map((turn, n) => ({ turn, until: turns[n + 1]?.at }))
                .reverse()
                .slice(0, MOST_TURNS)
                .map(({ turn, until }) => (
                  <Group key={`${turn.at}${turn.state}`} component="li" className="line" py={9} gap="sm">
                    <Text size="sm" c="dimmed" className="tnum" component="time" dateTime={turn.at} w={128}>
                      {f.day(turn.at)} {f.clock(turn.at)}
                    </Text>
                    <div style={{ width: 190 }}>
                      <HostStatus state={turn.state} />
                    </div>
                    <Text size="sm" className="tnum" w={90}>
                      {hours(((until ? Date.parse(until) : Date.now()) - Date.parse(turn.at)) / 1000)}
                    </Text>
                    {turn.reason && (
                      <Text size="sm" c="dimmed" flex="1 1 240px" style={{ overflowWrap: 'anywhere' }}>
                        {turn.reason}
                      </Text>
                    )}
                  </Group>
                ))}
            </ul>
          )
        }
      </Answered>
      <CommandHints hints={[hostHints(host).history]} />
    </Section>
  )
}
