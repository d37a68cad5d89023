import { Accordion, Button, Card, Group, Text } from '@mantine/core'
import { IconActivity } from '@tabler/icons-react'
import type { Operation } from '~/api'
import { listOperations } from '~/api/gen/sdk.gen'
import { usePages } from '~/api/pages'
import { LinkAnchor } from '~/components/links'
import { OperationStatus } from '~/components/StatusBadge'
import { Failed, Lines, Nothing } from '~/components/states'
import { When } from '~/components/When'
import { useInstanceNames } from '~/features/instances/queries'
import { useT } from '~/i18n'
import { useFormat } from '~/lib/format'
import { Steps } from './Steps'

/** What was asked for and how it went: of one instance, or of all. */
export function Operations({ instanceId, active, open }: { instanceId?: string; active?: boolean; open?: string }) {
  const t = useT()
  const names = useInstanceNames(!instanceId)
  const list = usePages(
    'listOperations',
    instanceId,
    (asked, signal) =>
      listOperations({
        query: { ...asked, ...(instanceId ? { instance_id: instanceId } : {}), ...(active ? { active } : {}) },
        signal,
      }),
    { filter: active },
  )
  if (list.error) return <Failed error={list.error} onRetry={() => void list.refetch()} />
  if (!list.items)
    return (
      <Card>
        <Lines />
      </Card>
    )
  if (list.items.length === 0)
    return (
      <Card padding={0}>
        <Nothing icon={IconActivity} title={active ? t.shell.tasksNone : t.operations.empty}>
          {t.operations.emptyHint}
        </Nothing>
      </Card>
    )
  return (
    <>
      <Accordion
        variant="contained"
        multiple
        defaultValue={open ? [open] : []}
        chevronPosition="left"
        keepMounted={false}
        opacity={list.outdated ? 0.5 : undefined}
        order={2}
      >
        {list.items.map((one) => (
          <Accordion.Item key={one.id} value={one.id}>
            <Accordion.Control>
              <Line
                one={one}
                name={instanceId ? undefined : (names.get(one.instance_id) ?? t.instances.states.deleted)}
              />
            </Accordion.Control>
            <Accordion.Panel>
              {!instanceId && names.has(one.instance_id) && (
                <Text size="sm" mb="sm">
                  {t.operations.instance}:{' '}
                  <LinkAnchor to="/instances/$id" params={{ id: one.instance_id }} inherit>
                    {names.get(one.instance_id)}
                  </LinkAnchor>
                </Text>
              )}
              <Steps operation={one} />
            </Accordion.Panel>
          </Accordion.Item>
        ))}
      </Accordion>
      {list.more && (
        <Group justify="center" mt="sm">
          <Button variant="default" onClick={list.more.load} loading={list.more.loading}>
            {t.common.more}
          </Button>
        </Group>
      )}
    </>
  )
}

function Line({ one, name }: { one: Operation; name: string | undefined }) {
  const t = useT()
  const f = useFormat()
  const seconds = one.ended_at ? (Date.parse(one.ended_at) - Date.parse(one.created_at)) / 1000 : undefined
  return (
    <Group justify="space-between" gap="xs">
      <Group gap="md">
        <Text size="sm" fw={500}>
          {t.operations.verbs[one.verb]}
          {name && (
            <Text span c="dimmed" ml={8}>
              {name}
            </Text>
          )}
        </Text>
        <OperationStatus state={one.state} />
      </Group>
      <Text size="xs" c="dimmed" className="tnum">
        {seconds !== undefined && `${f.num(seconds)} s · `}
        <When at={one.created_at} />
      </Text>
    </Group>
  )
}
