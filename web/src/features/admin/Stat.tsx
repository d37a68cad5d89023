import { Card, Text } from '@mantine/core'
import type { ReactNode } from 'react'

/** One number with its name, and what is to be known about it. */
export function Stat({ name, value, hint }: { name: string; value: ReactNode; hint?: ReactNode }) {
  return (
    <Card padding="md">
      <Text size="sm" c="dimmed">
        {name}
      </Text>
      <Text component="div" fz={24} fw={650} className="tnum" lh={1.35}>
        {value}
      </Text>
      {hint && (
        <Text size="xs" c="dimmed" component="div">
          {hint}
        </Text>
      )}
    </Card>
  )
}
