import { Group, NumberInput, SegmentedControl, Stack, Text } from '@mantine/core'
import { useState } from 'react'
import type { LeaseTerms } from '~/api'
import { useT } from '~/i18n'

const HOUR = 60
const choices = { hour: HOUR, day: 24 * HOUR, week: 7 * 24 * HOUR, month: 30 * 24 * HOUR } as const

/** For how long: usual times, or minutes of one's own. */
export function TimeField({
  minutes,
  onChange,
  terms,
}: {
  minutes: number
  onChange: (minutes: number) => void
  terms: LeaseTerms | undefined
}) {
  const t = useT()
  const words = t.leases
  const usual = (Object.keys(choices) as (keyof typeof choices)[]).filter(
    (one) => !terms || (choices[one] >= terms.least_minutes && choices[one] <= terms.most_minutes),
  )
  const [own, setOwn] = useState(!usual.some((one) => choices[one] === minutes))
  const value = own ? 'own' : (usual.find((one) => choices[one] === minutes) ?? 'own')
  return (
    <Stack gap="xs">
      <Text size="sm" fw={500}>
        {words.time}
      </Text>
      <Group gap="sm">
        <SegmentedControl
          className="scrolls"
          aria-label={words.time}
          value={value}
          onChange={(next) => {
            setOwn(next === 'own')
            if (next !== 'own') onChange(choices[next as keyof typeof choices])
          }}
          data={[
            ...usual.map((one) => ({ value: one, label: words.times[one] })),
            { value: 'own', label: words.times.own },
          ]}
        />
        {value === 'own' && (
          <NumberInput
            w={140}
            aria-label={words.minutes}
            suffix=" min"
            min={terms?.least_minutes ?? 1}
            max={terms?.most_minutes}
            value={minutes}
            onChange={(next) => typeof next === 'number' && onChange(next)}
          />
        )}
      </Group>
    </Stack>
  )
}
