import { Skeleton } from '@mantine/core'
import { lazy, Suspense, useMemo } from 'react'
import type { SpentByDay } from '~/api'
import { useT } from '~/i18n'
import { useFormat } from '~/lib/format'

const TimeChart = lazy(() => import('./TimeChart'))
const DAY = 86_400

/** What was charged on each of the last days; days without a charge stand as nothing. */
export function SpendingChart({
  days,
  count = 30,
  height = 220,
}: {
  days: SpentByDay[]
  count?: number
  height?: number
}) {
  const t = useT()
  const f = useFormat()
  const { times, values } = useMemo(() => {
    const today = Math.floor(Date.now() / 1000 / DAY) * DAY
    const spent = new Map(days.map((one) => [Math.floor(Date.parse(one.day) / 1000 / DAY) * DAY, one.credits_micros]))
    const times = Array.from({ length: count }, (_, n) => today - (count - 1 - n) * DAY)
    return { times, values: times.map((day) => (spent.get(day) ?? 0) / 1e6) }
  }, [days, count])
  const show = useMemo(
    () => (value: number) => (value !== 0 && Math.abs(value) < 0.1 ? f.fine(value * 1e6) : f.credits(value * 1e6)),
    [f],
  )
  return (
    <Suspense fallback={<Skeleton h={height} />}>
      <TimeChart times={times} values={values} label={t.dashboard.spending} show={show} bars height={height} by="day" />
    </Suspense>
  )
}
