import { Text, type TextProps } from '@mantine/core'
import { useEffect, useState } from 'react'
import { useFormat } from '~/lib/format'

/** One clock for all times on the page. */
const ticking = new Set<() => void>()
setInterval(() => {
  for (const tick of ticking) tick()
}, 15_000)

/** A time: how long ago or ahead, and exactly when somebody points at it or asks a screen reader. */
export function When({ at, ...rest }: { at: string | null | undefined } & TextProps) {
  const f = useFormat()
  const [, tick] = useState(0)
  useEffect(() => {
    const act = () => tick((n) => n + 1)
    ticking.add(act)
    return () => {
      ticking.delete(act)
    }
  }, [])
  if (!at)
    return (
      <Text span inherit {...rest}>
        –
      </Text>
    )
  // Said by the browser itself: long lists have one in each row.
  return (
    <Text
      span
      inherit={rest.size === undefined}
      {...rest}
      component="time"
      dateTime={at}
      title={f.exact(at)}
      style={{ whiteSpace: 'nowrap' }}
    >
      {f.relative(at)}
    </Text>
  )
}
