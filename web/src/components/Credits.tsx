import { Text, type TextProps } from '@mantine/core'
import { useT } from '~/i18n'
import { useFormat } from '~/lib/format'

type Shown = { micros: number; unit?: string; exact?: boolean; signed?: boolean } & TextProps

/** An amount of credits, with its unit said once and quietly. */
export function Credits({ micros, unit, exact, signed, ...rest }: Shown) {
  const t = useT()
  const f = useFormat()
  const text = signed ? f.signed(micros) : exact ? f.fine(micros) : f.credits(micros)
  return (
    <Text span inherit className="tnum" {...rest} style={{ whiteSpace: 'nowrap' }}>
      {text}
      <Text span c="dimmed" fw={400} fz="min(0.75em, 0.875rem)" ml={4}>
        {unit ?? t.common.credits}
      </Text>
    </Text>
  )
}
