import { Card, type CardProps, Group, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'

/** A part of a page with its name, and what can be done with it on the right. */
export function Section({
  title,
  about,
  action,
  children,
  ...rest
}: { title: string; about?: ReactNode; action?: ReactNode; children?: ReactNode } & CardProps) {
  return (
    <Card component="section" {...rest}>
      <Group justify="space-between" align="flex-start" mb={children ? 'md' : 0} gap="sm" wrap="wrap">
        <div style={{ flex: '1 1 200px', minWidth: 0 }}>
          <Title order={2} size="h5">
            {title}
          </Title>
          {about && (
            <Text size="sm" c="dimmed" mt={2} component="div">
              {about}
            </Text>
          )}
        </div>
        {action && (
          <Group gap="xs" className="page-actions">
            {action}
          </Group>
        )}
      </Group>
      {children}
    </Card>
  )
}
