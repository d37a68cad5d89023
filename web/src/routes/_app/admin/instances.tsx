import { Alert, Box, Button, Group, SimpleGrid, Stack, Text, ThemeIcon } from '@mantine/core'
import { IconAlertTriangle, IconArrowBackUp, IconCheck, IconServer2 } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import { useDeferredValue, useMemo } from 'react'
import * as v from 'valibot'
import type { Instance } from '~/api'
import { LinkAnchor } from '~/components/links'
import { PageHeader } from '~/components/PageHeader'
import { type Column, ResourceTable } from '~/components/ResourceTable'
import { Section } from '~/components/Section'
import { InstanceStatus } from '~/components/StatusBadge'
import { Nothing } from '~/components/states'
import { When } from '~/components/When'
import { useDriftDeeds } from '~/features/admin/drift'
import { OneOf, SearchField } from '~/features/admin/Filter'
import { useClusters, useProjectNames } from '~/features/admin/names'
import { Stat } from '~/features/admin/Stat'
import { RowMenu } from '~/features/instances/ActionMenu'
import { allInstances } from '~/features/instances/queries'
import { SizeText } from '~/features/instances/SizeText'
import { useT } from '~/i18n'
import { useFormat } from '~/lib/format'
import { searched } from '~/lib/search'

export const Route = createFileRoute('/_app/admin/instances')({
  validateSearch: v.object({
    q: v.optional(searched),
    only: v.optional(v.picklist(['running', 'stopped', 'drift', 'trouble', 'trashed'])),
    sort: v.optional(v.string()),
  }),
  component: AllInstances,
})

/** Whether somebody ought to look at it. */
const trouble = (one: Instance) =>
  one.state === 'failed' || one.state === 'missing' || one.state === 'unknown' || !!one.problem

function AllInstances() {
  const t = useT()
  const f = useFormat()
  const words = t.admin.rooms
  const { q, only, sort = 'name' } = Route.useSearch()
  const navigate = Route.useNavigate()
  const set = (changed: Partial<ReturnType<typeof Route.useSearch>>) =>
    void navigate({ search: (before) => ({ ...before, ...changed }), replace: true })
  const query = useQuery(allInstances())
  const projects = useProjectNames()
  const { names } = useClusters()
  const wanted = useDeferredValue(q?.toLowerCase() ?? '')
  const rows = useMemo(
    () =>
      query.data?.filter((one) => {
        if (only === 'drift' && one.drift.length === 0) return false
        if (only === 'trouble' && !trouble(one)) return false
        if (only === 'trashed' && !one.trashed_until) return false
        if ((only === 'running' || only === 'stopped') && one.state !== only) return false
        if (!wanted) return true
        return [
          one.name,
          one.address,
          one.id,
          one.placement?.node,
          String(one.placement?.vmid),
          projects.get(one.project_id),
        ].some((text) => text?.toLowerCase().includes(wanted))
      }),
    [query.data, only, wanted, projects],
  )
  const all = query.data ?? []
  const drifted = all.filter((one) => one.drift.length > 0)
  const columns: Column<Instance>[] = [
    {
      key: 'name',
      title: t.common.name,
      sort: (one) => one.name,
      render: (one) => (
        <Box miw={120}>
          <Group gap={6} wrap="nowrap">
            <LinkAnchor to="/instances/$id" params={{ id: one.id }} size="sm" fw={550} c="inherit">
              {one.name}
            </LinkAnchor>
            {one.drift.length > 0 && (
              <IconAlertTriangle
                size={14}
                role="img"
                aria-label={t.instances.drifted}
                color="var(--mantine-color-yellow-text)"
              />
            )}
          </Group>
          <Text size="xs" c="dimmed" truncate>
            {projects.get(one.project_id) ?? ' '}
          </Text>
        </Box>
      ),
    },
    {
      key: 'state',
      title: t.common.state,
      sort: (one) => one.state,
      width: 150,
      render: (one) => <InstanceStatus state={one.state} trashed={!!one.trashed_until} />,
    },
    {
      key: 'where',
      title: words.where,
      sort: (one) => one.placement && `${names.get(one.placement.cluster_id)} ${one.placement.node}`,
      render: (one) =>
        one.placement ? (
          <>
            <Text size="sm">{one.placement.node}</Text>
            <Text size="xs" c="dimmed" style={{ whiteSpace: 'nowrap' }}>
              {names.get(one.placement.cluster_id)} · {one.placement.vmid}
            </Text>
          </>
        ) : (
          '–'
        ),
    },
    {
      key: 'size',
      title: t.instances.size,
      from: 'lg',
      sort: (one) => one.size.memory_mib,
      render: (one) => (
        <Text size="sm" className="tnum" style={{ whiteSpace: 'nowrap' }}>
          <SizeText size={one.size} />
        </Text>
      ),
    },
    {
      key: 'address',
      title: t.instances.address,
      from: 'md',
      sort: (one) => one.address,
      render: (one) => (
        <Text size="sm" ff="monospace" c={one.address ? undefined : 'dimmed'}>
          {one.address ?? '–'}
        </Text>
      ),
    },
    {
      key: 'cost',
      title: t.instances.price,
      right: true,
      from: 'xl',
      sort: (one) => one.rate.running_micros,
      render: (one) => (
        <Text size="sm" className="tnum">
          {f.fine(one.tariff === 'stopped' ? one.rate.stopped_micros : one.rate.running_micros)}
        </Text>
      ),
    },
    {
      key: 'created',
      title: t.instances.created,
      from: 'xl',
      sort: (one) => one.created_at,
      render: (one) => <When at={one.created_at} size="sm" />,
    },
  ]
  const filtered = !!(q || only)
  return (
    <>
      <PageHeader title={words.title} sub={words.sub} />
      <SimpleGrid cols={{ base: 2, md: 4 }} mb="md">
        <Stat name={t.instances.title} value={query.data ? f.whole(all.length) : '…'} />
        <Stat name={t.instances.running} value={f.whole(all.filter((one) => one.state === 'running').length)} />
        <Stat name={words.filters.trouble} value={f.whole(all.filter(trouble).length)} />
        <Stat name={words.filters.drift} value={f.whole(drifted.length)} />
      </SimpleGrid>
      {drifted.length > 0 && only !== 'drift' && (
        <Alert color="yellow" className="notice" icon={<IconAlertTriangle aria-hidden />} mb="md">
          <Group justify="space-between">
            <Text size="sm">{words.driftNotice(drifted.length)}</Text>
            <Button size="compact-sm" variant="default" onClick={() => set({ only: 'drift' })}>
              {words.driftShow}
            </Button>
          </Group>
        </Alert>
      )}
      <Group mb="md" gap="sm">
        <SearchField label={words.search} value={q} onChange={(text) => set({ q: text })} />
        <OneOf label={t.common.state} value={only} names={words.filters} onChange={(next) => set({ only: next })} />
      </Group>
      {only === 'drift' && rows && rows.length > 0 ? (
        <Stack>
          {rows.map((one) => (
            <DriftCard key={one.id} one={one} project={projects.get(one.project_id)} />
          ))}
        </Stack>
      ) : (
        <ResourceTable
          label={words.title}
          rows={rows}
          columns={columns}
          acts={(one) => <RowMenu instance={one} />}
          id={(one) => one.id}
          name={(one) => one.name}
          error={query.error}
          onRetry={() => void query.refetch()}
          sort={sort}
          onSort={(next) => set({ sort: next === 'name' ? undefined : next })}
          card={(one) => (
            <>
              <Group justify="space-between" wrap="nowrap">
                <LinkAnchor to="/instances/$id" params={{ id: one.id }} fw={600} c="inherit" truncate>
                  {one.name}
                </LinkAnchor>
                <RowMenu instance={one} />
              </Group>
              <InstanceStatus state={one.state} trashed={!!one.trashed_until} />
              <Text size="sm" c="dimmed" mt={4}>
                {projects.get(one.project_id)}
                {one.placement && ` · ${names.get(one.placement.cluster_id)}/${one.placement.node}`}
              </Text>
            </>
          )}
          empty={
            <Nothing
              icon={IconServer2}
              title={only === 'drift' ? words.driftNone : t.instances.empty}
              unfilter={filtered && !(only === 'drift' && !q) && (() => set({ q: undefined, only: undefined }))}
            />
          }
        />
      )}
    </>
  )
}

/** Where a guest differs from what is held of it, and what can be done about it. */
function DriftCard({ one, project }: { one: Instance; project: string | undefined }) {
  const t = useT()
  const words = t.admin.rooms
  const { accept, restore } = useDriftDeeds(one)
  return (
    <Section
      aria-label={one.name}
      title={one.name}
      about={
        <>
          {project}
          {one.placement && ` · ${one.placement.node} · VMID ${one.placement.vmid}`} ·{' '}
          <LinkAnchor to="/instances/$id" params={{ id: one.id }} inherit underline="always">
            {words.open}
          </LinkAnchor>
        </>
      }
      action={
        <>
          <Button
            size="xs"
            variant="default"
            onClick={restore}
            leftSection={<IconArrowBackUp size={15} aria-hidden />}
            aria-label={`${t.instances.overview.driftRestore}: ${one.name}`}
          >
            {t.instances.overview.driftRestore}
          </Button>
          <Button
            size="xs"
            variant="light"
            onClick={accept}
            leftSection={<IconCheck size={15} aria-hidden />}
            aria-label={`${t.instances.overview.driftAccept}: ${one.name}`}
          >
            {t.instances.overview.driftAccept}
          </Button>
        </>
      }
    >
      {one.drift.map((drift) => (
        <Group key={`${drift.kind}${drift.what}`} wrap="nowrap" align="flex-start" gap="sm" py={8} className="line">
          <ThemeIcon variant="light" color="yellow" size={30} radius="md">
            <IconAlertTriangle size={16} aria-hidden />
          </ThemeIcon>
          <div style={{ minWidth: 0 }}>
            <Text size="sm" fw={550}>
              {words.kinds[drift.kind]}
              {drift.what !== drift.kind && `: ${(words.parts as Record<string, string>)[drift.what] ?? drift.what}`}{' '}
              <Text span size="xs" c="dimmed" fw={400}>
                <When at={drift.since} />
              </Text>
            </Text>
            {(drift.expected || drift.found) && (
              <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
                {words.held} <b>{drift.expected ?? '–'}</b> · {words.found} <b>{drift.found ?? '–'}</b>
              </Text>
            )}
            <Text size="xs" c="dimmed">
              {drift.kind === 'changed' && drift.what === 'disk_gib' ? words.todoDisk : words.todo[drift.kind]}
            </Text>
          </div>
        </Group>
      ))}
    </Section>
  )
}
