import { Group, SegmentedControl, Text } from '@mantine/core'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { type HostReport, listHostReportsOptions } from '~/api'
import { CommandHints } from '~/components/CommandHints'
import { LinkAnchor } from '~/components/links'
import { Section } from '~/components/Section'
import { tones } from '~/components/StatusBadge'
import { Answered } from '~/components/states'
import { useT } from '~/i18n'
import { useFormat } from '~/lib/format'
import { useHours } from './status'
import { useNow } from './useNow'

const DAY_MS = 86_400_000
const QUARTER_MS = 900_000

/** How long hosts slept and what that saved, of all that one may read about, or of one. */
export function Saved({ hostId }: { hostId?: string }) {
  const t = useT()
  const words = t.hosts.report
  const [days, setDays] = useState<'1' | '7' | '30'>('7')
  const quarter = Math.floor(useNow(false) / QUARTER_MS) * QUARTER_MS
  const from = new Date(quarter - Number(days) * DAY_MS).toISOString()
  const query = useQuery({
    ...listHostReportsOptions({ query: { from } }),
    placeholderData: keepPreviousData,
    refetchInterval: 60_000,
    retry: false,
  })
  const list = query.data?.filter((one) => !hostId || one.host_id === hostId)
  // Who may not read about any host is told nothing, rather than that there is nothing.
  if (query.error || list?.length === 0) return null
  return (
    <Section
      title={words.title}
      about={hostId ? undefined : words.about}
      action={
        <SegmentedControl
          size="xs"
          value={days}
          aria-label={t.hosts.range}
          onChange={(next) => setDays(next as '7')}
          data={(['1', '7', '30'] as const).map((value) => ({ value, label: words.days[value] }))}
        />
      }
    >
      <Answered query={query} lines={3}>
        {() => (
          <>
            {list?.map((one) => (
              <Line key={one.host_id} one={one} named={!hostId} />
            ))}
            {list && list.length > 1 && <Total list={list} />}
          </>
        )}
      </Answered>
      {!hostId && (
        <div style={{ marginTop: 16 }}>
          <CommandHints
            hints={[
              { cli: `innkeeper host report --from ${from}`, method: 'GET', path: `/api/v1/host-reports?from=${from}` },
            ]}
          />
        </div>
      )}
    </Section>
  )
}

function useEnergy() {
  const words = useT().hosts.report
  const f = useFormat()
  return (wh: number) => (wh >= 1000 ? words.kwh(f.num(wh / 1000)) : words.wh(f.whole(wh)))
}

function Line({ one, named }: { one: HostReport; named: boolean }) {
  const words = useT().hosts.report
  const f = useFormat()
  const hours = useHours()
  const energy = useEnergy()
  const whole = one.asleep_seconds + one.awake_seconds + one.unknown_seconds
  const share = (seconds: number) => (whole ? seconds / whole : 0)
  const parts = [
    ['asleep', one.asleep_seconds, 'odd'],
    ['awake', one.awake_seconds, 'good'],
    ['unknown', one.unknown_seconds, 'quiet'],
  ] as const
  const said = parts.filter(([, seconds]) => seconds > 0)
  return (
    <div className="line" style={{ padding: '10px 0' }}>
      <Group justify="space-between" gap="xs" mb={6}>
        {named ? (
          <LinkAnchor to="/hosts/$id" params={{ id: one.host_id }} size="sm" fw={550} c="inherit">
            {one.name}
          </LinkAnchor>
        ) : (
          <Text size="sm" fw={550}>
            {words.asleep} {hours(one.asleep_seconds)} · {f.percent(share(one.asleep_seconds))}
          </Text>
        )}
        <Text size="sm" className="tnum">
          {words.saved(one.saved_wh == null ? words.noWatts : energy(one.saved_wh))}
        </Text>
      </Group>
      {said.length > 0 && (
        <div
          role="img"
          aria-label={said.map(([kind, seconds]) => `${words[kind]} ${hours(seconds)}`).join(', ')}
          style={{ display: 'flex', gap: 2, height: 8, borderRadius: 99, overflow: 'hidden' }}
        >
          {said.map(([kind, seconds, tone]) => (
            <span
              key={kind}
              style={{
                width: `${share(seconds) * 100}%`,
                background: tones[tone],
                opacity: tone === 'quiet' ? 0.4 : 1,
              }}
            />
          ))}
        </div>
      )}
      <Text size="xs" c="dimmed" mt={6} className="tnum">
        {[
          ...said.map(([kind, seconds]) => `${words[kind]} ${hours(seconds)}`),
          `${words.wakes} ${words.wakeCount(one.wakes)}`,
        ].join(' · ')}
      </Text>
    </div>
  )
}

function Total({ list }: { list: HostReport[] }) {
  const words = useT().hosts.report
  const hours = useHours()
  const energy = useEnergy()
  const sum = (of: (one: HostReport) => number) => list.reduce((all, one) => all + of(one), 0)
  return (
    <Group justify="space-between" className="line" pt="sm">
      <Text size="sm" fw={600}>
        {words.total}
      </Text>
      <Text size="sm" fw={600} className="tnum">
        {words.asleep} {hours(sum((one) => one.asleep_seconds))} ·{' '}
        {words.saved(energy(sum((one) => one.saved_wh ?? 0)))}
      </Text>
    </Group>
  )
}
