import { type RefObject, startTransition, useLayoutEffect, useRef, useState } from 'react'

const SPARE = 6
/** Shorter lists are drawn whole. */
const LONG = 120

/** Which rows of a long list of equal rows lie in sight, with some to spare on both sides. */
export function useWindow(list: RefObject<HTMLElement | null>, count: number, height: number) {
  const [first, setFirst] = useState(0)
  const [shown, setShown] = useState(40)
  const before = useRef(0)
  useLayoutEffect(() => {
    if (count <= LONG) return
    let frame = 0
    const look = () => {
      frame = 0
      const top = list.current?.getBoundingClientRect().top ?? 0
      // In steps, so that not every pixel of scrolling draws anew.
      const start = Math.max(0, Math.floor(-top / height) - SPARE)
      const next = start - (start % 6)
      const wanted = Math.ceil(innerHeight / height) + 2 * SPARE + 6
      const jump = Math.abs(next - before.current) > SPARE
      before.current = next
      const draw = () => {
        setFirst(next)
        setShown(wanted)
      }
      // All rows at once are too many for one frame; a few are drawn before anybody sees that they lacked.
      if (jump) startTransition(draw)
      else draw()
    }
    const soon = () => {
      frame ||= requestAnimationFrame(look)
    }
    // Not at once: where the list lies is known without further work once the rows just made have been laid out.
    soon()
    addEventListener('scroll', soon, { passive: true })
    addEventListener('resize', soon)
    return () => {
      cancelAnimationFrame(frame)
      removeEventListener('scroll', soon)
      removeEventListener('resize', soon)
    }
  }, [list, count, height])
  if (count <= LONG) return { first: 0, last: count }
  const from = Math.min(first, Math.max(0, count - 1))
  return { first: from, last: Math.min(count, from + shown) }
}
