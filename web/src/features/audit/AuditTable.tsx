import { Code, Group, Text } from '@mantine/core'
import { IconFileText } from '@tabler/icons-react'
import type { AuditEntry } from '~/api'
import { type Column, ResourceTable } from '~/components/ResourceTable'
import { Badge } from '~/components/StatusBadge'
import { Nothing } from '~/components/states'
import { When } from '~/components/When'
import { useT } from '~/i18n'
import { useActionName } from './useActionName'

type Shown = {
  rows: AuditEntry[] | undefined
  error: unknown
  onRetry: () => void
  more: { load: () => void; loading: boolean } | undefined
  who?: (id: string) => string
}

/** Entries of the audit log: who did what to what, by which means, and whether it was allowed. */
export function AuditTable({ rows, error, onRetry, more, who }: Shown) {
  const t = useT()
  const words = t.audit
  const name = useActionName()
  const doer = (one: AuditEntry) =>
    one.user_id ? (who?.(one.user_id) ?? one.user_id.slice(0, 12)) : words.means[one.means]
  const columns: Column<AuditEntry>[] = [
    {
      key: 'action',
      title: words.action,
      render: (one) => (
        <>
          <Text size="sm" fw={550}>
            {name(one.action)}
          </Text>
          <Text size="xs" c="dimmed" ff="monospace" truncate maw={320}>
            {one.object}
          </Text>
        </>
      ),
    },
    { key: 'who', title: words.who, render: (one) => <Text size="sm">{doer(one)}</Text> },
    { key: 'means', title: words.by, from: 'md', render: (one) => <Text size="sm">{words.means[one.means]}</Text> },
    {
      key: 'address',
      title: words.from,
      from: 'lg',
      render: (one) => (one.address ? <Code>{one.address}</Code> : '–'),
    },
    {
      key: 'outcome',
      title: words.outcome,
      from: 'md',
      render: (one) => <Badge tone={one.outcome === 'done' ? 'good' : 'bad'}>{words.outcomes[one.outcome]}</Badge>,
    },
    { key: 'when', title: t.common.when, right: true, render: (one) => <When at={one.at} size="sm" /> },
  ]
  return (
    <ResourceTable
      label={words.title}
      rows={rows}
      error={error}
      onRetry={onRetry}
      more={more}
      columns={columns}
      id={(one) => String(one.seq)}
      rowHeight={58}
      card={(one) => (
        <>
          <Group justify="space-between" wrap="nowrap">
            <Text size="sm" fw={550}>
              {name(one.action)}
            </Text>
            <Text size="xs" c="dimmed">
              <When at={one.at} />
            </Text>
          </Group>
          <Text size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
            {doer(one)} · {one.object}
          </Text>
        </>
      )}
      empty={<Nothing icon={IconFileText} title={words.empty} />}
    />
  )
}
