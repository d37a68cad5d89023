import { Card, Skeleton, Text } from '@mantine/core'
import { Link, type LinkProps } from '@tanstack/react-router'
import type { ReactNode } from 'react'

/** One number with its name, what is to be known about it, and the way to what it is made of. */
export function Stat({
  name,
  value,
  hint,
  link,
}: {
  name: string
  /** Nothing while it is on its way. */
  value: ReactNode
  hint?: ReactNode
  link?: Pick<LinkProps, 'to' | 'params' | 'search'>
}) {
  const shown = (
    <>
      <Text size="sm" c="dimmed">
        {name}
      </Text>
      <Text
        component="div"
        fz={{ base: 20, sm: 24 }}
        fw={650}
        className="tnum"
        lh={1.35}
        style={{ letterSpacing: '-0.015em' }}
      >
        {value ?? <Skeleton h={30} w="70%" my={3} />}
      </Text>
      {hint && (
        <Text size="xs" c="dimmed" component="div" className="tnum">
          {hint}
        </Text>
      )}
    </>
  )
  if (!link) return <Card padding="md">{shown}</Card>
  return (
    <Card padding="md" className="leads" renderRoot={(props) => <Link {...(link as { to: '/' })} {...props} />}>
      {shown}
    </Card>
  )
}
