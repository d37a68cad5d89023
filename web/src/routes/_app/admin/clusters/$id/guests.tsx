import { Button, Code, Group, Text } from '@mantine/core'
import { modals } from '@mantine/modals'
import { IconHandGrab, IconServer2 } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import * as v from 'valibot'
import type { ClusterGuest } from '~/api'
import { listGuests } from '~/api/gen/sdk.gen'
import { wholeList } from '~/api/pages'
import { CanButton } from '~/components/Can'
import { LinkAnchor } from '~/components/links'
import { ResourceTable } from '~/components/ResourceTable'
import { Badge } from '~/components/StatusBadge'
import { Nothing } from '~/components/states'
import { AdoptDialog } from '~/features/admin/clusters/AdoptDialog'
import { OneOf } from '~/features/admin/Filter'
import { useT } from '~/i18n'
import { useHere } from '~/lib/me'

export const Route = createFileRoute('/_app/admin/clusters/$id/guests')({
  validateSearch: v.object({ only: v.optional(v.picklist(['adoptable', 'ours', 'foreign'])) }),
  component: Guests,
})

/** All guests of a cluster, ours and others, and adopting those that can be. */
function Guests() {
  const t = useT()
  const words = t.admin.clusters
  const { id } = Route.useParams()
  const { only } = Route.useSearch()
  const { projectId } = useHere()
  const navigate = Route.useNavigate()
  const [picked, setPicked] = useState<Set<string>>(new Set())
  const query = useQuery({
    ...wholeList<ClusterGuest>('listGuests', id, (asked, signal) => listGuests({ path: { id }, query: asked, signal })),
    // What is not ours comes and goes without an event.
    refetchInterval: 10_000,
  })
  const rows = useMemo(
    () =>
      query.data?.filter((one) => {
        if (only === 'adoptable') return one.adoptable
        if (only === 'ours') return !!one.instance_id
        return only !== 'foreign' || !one.instance_id
      }),
    [query.data, only],
  )
  const vmids = (query.data ?? []).filter((one) => one.adoptable && picked.has(String(one.vmid))).map((one) => one.vmid)
  const adopt = (some: number[]) =>
    modals.open({
      title: words.adoptTitle(some.length),
      size: 'lg',
      children: (
        <AdoptDialog
          cluster={id}
          vmids={some}
          projectId={projectId}
          onDone={() => {
            modals.closeAll()
            setPicked(new Set())
          }}
        />
      ),
    })
  const name = (one: ClusterGuest) =>
    one.instance_id ? (
      <LinkAnchor to="/instances/$id" params={{ id: one.instance_id }} size="sm" fw={550} c="inherit">
        {one.name ?? one.vmid}
      </LinkAnchor>
    ) : (
      <Text size="sm" fw={550} span>
        {one.name ?? '–'}
      </Text>
    )
  const status = (one: ClusterGuest) => (
    <Badge tone={one.status === 'running' ? 'good' : one.status === 'unknown' ? 'warn' : 'quiet'}>
      {(words.statuses as Record<string, string>)[one.status] ?? one.status}
    </Badge>
  )
  const what = (one: ClusterGuest) =>
    one.adoptable ? (
      <Button
        size="compact-sm"
        variant="light"
        onClick={() => adopt([one.vmid])}
        aria-label={`${words.adopt}: ${one.name ?? one.vmid}`}
      >
        {words.adopt}…
      </Button>
    ) : (
      <Text size="xs" c="dimmed" maw={260} display="inline-block">
        {one.obstacle ? words.obstacles[one.obstacle] : one.message}
      </Text>
    )
  return (
    <>
      <Group mb="md" justify="space-between">
        <OneOf
          label={words.tabs.guests}
          value={only}
          names={words.guestFilters}
          onChange={(next) => void navigate({ search: { only: next }, replace: true, resetScroll: false })}
        />
        <CanButton
          why={vmids.length ? undefined : words.pickFirst}
          onClick={() => adopt(vmids)}
          leftSection={<IconHandGrab size={16} aria-hidden />}
        >
          {vmids.length ? words.adoptTitle(vmids.length) : words.adopt}
        </CanButton>
      </Group>
      <ResourceTable
        label={words.tabs.guests}
        rows={rows}
        error={query.error}
        onRetry={() => void query.refetch()}
        id={(one) => String(one.vmid)}
        name={(one) => `${one.vmid} ${one.name ?? ''}`}
        selected={picked}
        onSelect={setPicked}
        rowHeight={56}
        columns={[
          {
            key: 'name',
            title: t.common.name,
            render: (one) => (
              <>
                {name(one)}
                <Text size="xs" c="dimmed">
                  {t.instances.kinds[one.kind]}
                  {one.tags.length > 0 && ` · ${one.tags.join(', ')}`}
                </Text>
              </>
            ),
          },
          { key: 'vmid', title: 'VMID', render: (one) => <Code>{one.vmid}</Code> },
          { key: 'node', title: t.instances.node, from: 'md', render: (one) => <Text size="sm">{one.node}</Text> },
          { key: 'status', title: t.common.state, from: 'md', render: status },
          { key: 'what', title: words.ours, right: true, render: what },
        ]}
        card={(one) => (
          <>
            <Group justify="space-between" wrap="nowrap">
              {name(one)}
              {status(one)}
            </Group>
            <Text size="xs" c="dimmed" mb={6}>
              {one.vmid} · {t.instances.kinds[one.kind]} · {one.node}
            </Text>
            {what(one)}
          </>
        )}
        empty={
          <Nothing
            icon={IconServer2}
            title={words.guestsNone}
            unfilter={!!only && (() => void navigate({ search: {}, replace: true, resetScroll: false }))}
          />
        }
      />
    </>
  )
}
