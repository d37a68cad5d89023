import 'uplot/dist/uPlot.min.css'
import { useComputedColorScheme } from '@mantine/core'
import { useMergedRef, useResizeObserver } from '@mantine/hooks'
import { useEffect, useState } from 'react'
import uPlot from 'uplot'
import { useFormat } from '~/lib/format'

const POWERS = Array.from({ length: 50 }, (_, power) => 2 ** power)

/** Values over time on a canvas. Colours are those of the theme, read anew when it changes. */
export default function TimeChart({
  times,
  values,
  label,
  show,
  bars = false,
  top,
  height = 180,
  by = 'time',
  binary = false,
}: {
  /** Seconds since 1970. */
  times: number[]
  values: (number | null)[]
  label: string
  show: (value: number) => string
  bars?: boolean
  /** What the axis goes up to at least. */
  top?: number
  height?: number
  by?: 'time' | 'day'
  /** Whether it is bytes that are shown, so that the axis counts in powers of two. */
  binary?: boolean
}) {
  const [observe, rect] = useResizeObserver<HTMLDivElement>()
  const [element, setElement] = useState<HTMLDivElement | null>(null)
  const ref = useMergedRef(observe, setElement)
  const scheme = useComputedColorScheme('dark')
  const f = useFormat()
  const width = Math.floor(rect.width)
  // biome-ignore lint/correctness/useExhaustiveDependencies: the colours are others in another theme
  useEffect(() => {
    if (!element || width < 1) return
    const style = getComputedStyle(element)
    const line = style.getPropertyValue('--mantine-color-indigo-5').trim()
    const text = style.getPropertyValue('--mantine-color-dimmed').trim()
    const grid = style.getPropertyValue('--app-border').trim()
    const axis = { stroke: text, grid: { stroke: grid, width: 1 }, ticks: { show: false }, font: '11px Inter Variable' }
    const tip = document.createElement('div')
    tip.className = 'chart-tip'
    const plot = new uPlot(
      {
        width,
        height,
        cursor: { sync: { key: 'time' }, points: { size: 6 }, y: false, drag: { x: false, y: false } },
        legend: { show: false },
        padding: [10, 8, 0, 0],
        axes: [
          {
            ...axis,
            grid: { show: false },
            size: 28,
            space: 64,
            values: (_plot, ticks) =>
              ticks.map((at) =>
                by === 'day' || (times.at(-1) ?? 0) - (times[0] ?? 0) > 2 * 86_400
                  ? f.day(at * 1000)
                  : f.clock(at * 1000),
              ),
          },
          {
            ...axis,
            size: 72,
            ...(binary ? { incrs: POWERS } : {}),
            values: (_plot, ticks) => ticks.map((value) => show(value)),
          },
        ],
        scales: { x: { time: true }, y: { range: (_plot, _low, high) => [0, Math.max(top ?? 0, (high || 1) * 1.08)] } },
        series: [
          {},
          bars
            ? {
                label,
                stroke: line,
                width: 0,
                fill: line,
                paths: uPlot.paths.bars?.({ size: [0.64, 28], radius: 0.25, align: 0 }) ?? undefined,
                points: { show: false },
              }
            : {
                label,
                stroke: line,
                width: 1.6,
                fill: `color-mix(in srgb, ${line} 14%, transparent)`,
                points: { show: false },
              },
        ],
        hooks: {
          ready: [(made) => made.over.appendChild(tip)],
          setCursor: [
            (made) => {
              const n = made.cursor.idx
              const value = n == null ? null : values[n]
              if (n == null || value == null) {
                tip.style.display = 'none'
                return
              }
              const at = times[n] ?? 0
              tip.textContent = `${by === 'day' ? f.date(at * 1000) : f.exact(at * 1000)} · ${show(value)}`
              tip.style.display = 'block'
              const left = made.valToPos(at, 'x')
              tip.style.left = `${Math.min(Math.max(left - tip.offsetWidth / 2, 0), made.over.clientWidth - tip.offsetWidth)}px`
            },
          ],
        },
      },
      [times, values],
      element,
    )
    return () => plot.destroy()
  }, [times, values, width, scheme, f, label, element, bars, top, height, by, binary])
  const known = values.filter((value): value is number => value !== null)
  const last = known.at(-1)
  return (
    <div
      ref={ref}
      role="img"
      aria-label={last === undefined ? label : `${label}: ${show(last)}; max. ${show(Math.max(...known))}`}
      style={{ height, overflow: 'hidden' }}
    />
  )
}
