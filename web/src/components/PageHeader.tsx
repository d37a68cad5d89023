import { Box, Group, Text, Title } from '@mantine/core'
import { useDocumentTitle } from '@mantine/hooks'
import { type ReactNode, useEffect, useRef } from 'react'
import { useT } from '~/i18n'

let shown: string | undefined

/**
 * What a page is about, and what can be done on it. When somebody comes here from another page, the heading takes the
 * focus, so that a screen reader says where they are.
 */
export function PageHeader({
  title,
  sub,
  back,
  children,
}: {
  title: string
  sub?: ReactNode
  /** A `LinkBack` to the page above this one. */
  back?: ReactNode
  children?: ReactNode
}) {
  const t = useT()
  const heading = useRef<HTMLHeadingElement>(null)
  useDocumentTitle(`${title} · ${t.common.appName}`)
  useEffect(() => {
    const came = shown !== undefined && shown !== location.pathname
    shown = location.pathname
    const busy = document.activeElement?.closest('[role=tab],[role=dialog],input,textarea')
    if (came && !busy) heading.current?.focus({ preventScroll: true })
  }, [])
  return (
    <Box mb="lg">
      {back && <Box mb={6}>{back}</Box>}
      <Group justify="space-between" align="flex-start" gap="sm">
        <Box miw={0} flex="1 1 260px">
          <Title order={1} size="h2" lh={1.25} ref={heading} tabIndex={-1} className="heading">
            {title}
          </Title>
          {sub && (
            <Text component="div" c="dimmed" size="sm" mt={4}>
              {sub}
            </Text>
          )}
        </Box>
        {children && (
          <Group gap="xs" className="page-actions">
            {children}
          </Group>
        )}
      </Group>
    </Box>
  )
}
