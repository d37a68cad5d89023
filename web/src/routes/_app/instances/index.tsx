import { Box, Button, Group, Paper, SegmentedControl, Select, Stack, Text, Tooltip, Transition } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { IconAlertTriangle, IconPlus, IconServer2, IconShield } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import { useCallback, useDeferredValue, useMemo, useState } from 'react'
import * as v from 'valibot'
import type { BulkAction, Instance } from '~/api'
import { changeInstances } from '~/api/gen/sdk.gen'
import { confirm } from '~/components/confirm'
import { LinkAnchor, LinkButton } from '~/components/links'
import { PageHeader } from '~/components/PageHeader'
import { type Column, inOrder, ResourceTable } from '~/components/ResourceTable'
import { SearchField } from '~/components/SearchField'
import { InstanceStatus, isPassing } from '~/components/StatusBadge'
import { Nothing } from '~/components/states'
import { When } from '~/components/When'
import { RowMenu } from '~/features/instances/ActionMenu'
import { settle } from '~/features/instances/actions'
import { allInstances, useTemplateNames } from '~/features/instances/queries'
import { SizeText } from '~/features/instances/SizeText'
import { HoldNotice } from '~/features/projects/HoldNotice'
import { useT } from '~/i18n'
import { useFormat } from '~/lib/format'
import { useHere, useIsStaff } from '~/lib/me'
import { searched } from '~/lib/search'

export const Route = createFileRoute('/_app/instances/')({
  validateSearch: v.object({
    q: v.optional(searched),
    state: v.optional(v.picklist(['running', 'stopped', 'trouble', 'trashed'])),
    kind: v.optional(v.picklist(['lxc', 'qemu'])),
    scope: v.optional(v.picklist(['all'])),
    sort: v.optional(v.string()),
  }),
  component: Instances,
})

const inTrouble = (one: Instance) =>
  one.state === 'failed' || one.state === 'missing' || one.state === 'unknown' || one.drift.length > 0 || !!one.problem

/** Always the same, so that rows need not be drawn anew. */
const acts = (one: Instance) => <RowMenu instance={one} />

function Instances() {
  const t = useT()
  const f = useFormat()
  const staff = useIsStaff()
  const { projectId, projects } = useHere()
  const { q, state, kind, scope, sort = 'name' } = Route.useSearch()
  const navigate = Route.useNavigate()
  const set = useCallback(
    (changed: Partial<ReturnType<typeof Route.useSearch>>) =>
      void navigate({ search: (before) => ({ ...before, ...changed }), replace: true }),
    [navigate],
  )
  const query = useQuery(allInstances(scope === 'all' ? undefined : projectId))
  const names = useTemplateNames()
  const [picked, setPicked] = useState<Set<string>>(new Set())
  const wanted = q?.toLowerCase() ?? ''

  const projectName = useMemo(() => new Map(projects.map((one) => [one.id, one.name])), [projects])
  const columns = useMemo<Column<Instance>[]>(
    () => [
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
              <Marks one={one} />
            </Group>
            <Text size="xs" c="dimmed" truncate>
              {one.template_id ? names.get(one.template_id) : t.instances.kinds[one.kind]}
              {scope === 'all' && projectName.get(one.project_id) ? ` · ${projectName.get(one.project_id)}` : ''}
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
        sort: (one) => one.address,
        render: (one) => (
          <Text size="sm" ff="monospace" c={one.address ? undefined : 'dimmed'}>
            {one.address ?? '–'}
          </Text>
        ),
      },
      ...(staff
        ? [
            {
              key: 'node',
              title: t.instances.node,
              from: 'xl' as const,
              sort: (one: Instance) => one.placement?.node,
              render: (one: Instance) => one.placement?.node ?? '–',
            },
          ]
        : []),
      {
        key: 'cost',
        title: t.instances.price,
        right: true,
        from: 'md',
        sort: (one) => one.rate.running_micros,
        render: (one) => (
          <Text size="sm" className="tnum" style={{ whiteSpace: 'nowrap' }}>
            {f.fine(one.tariff === 'stopped' ? one.rate.stopped_micros : one.rate.running_micros)}{' '}
            <Text span c="dimmed" size="xs">
              {t.common.perHour}
            </Text>
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
    ],
    [t, f, names, staff, scope, projectName],
  )
  // Put in order before it is filtered: that is done once, and not with each letter that is typed.
  const ordered = useMemo(() => inOrder(query.data, columns, sort), [query.data, columns, sort])
  const rows = useMemo(
    () =>
      ordered?.filter((one) => {
        if (kind && one.kind !== kind) return false
        if (
          state === 'trashed'
            ? !one.trashed_until
            : state === 'trouble'
              ? !inTrouble(one)
              : state && one.state !== state
        )
          return false
        if (!wanted) return true
        return (
          one.name.includes(wanted) ||
          one.address?.includes(wanted) ||
          one.id === wanted ||
          one.tags.some((tag) => tag.includes(wanted))
        )
      }),
    [ordered, wanted, state, kind],
  )
  // Drawn when there is time for it, so that what is typed and chosen is shown at once.
  const shown = useDeferredValue(rows)
  const card = useCallback(
    (one: Instance) => <InstanceCard one={one} template={one.template_id ? names.get(one.template_id) : undefined} />,
    [names],
  )
  const filtered = !!(q || state || kind)

  return (
    <>
      <PageHeader title={t.instances.title} sub={query.data ? t.instances.count(rows?.length ?? 0) : ' '}>
        <LinkButton to="/instances-new" leftSection={<IconPlus size={16} aria-hidden />}>
          {t.instances.create}
        </LinkButton>
      </PageHeader>
      <HoldNotice projectId={projectId} />
      <Group mb="md" gap="sm">
        <SearchField label={t.instances.filter} value={q} onChange={(next) => set({ q: next })} />
        <SegmentedControl
          className="scrolls"
          value={state ?? 'all'}
          onChange={(now) => set({ state: now === 'all' ? undefined : (now as 'running') })}
          aria-label={t.common.state}
          data={[
            { value: 'all', label: t.instances.allStates },
            { value: 'running', label: t.instances.running },
            { value: 'stopped', label: t.instances.stopped },
            { value: 'trouble', label: t.instances.trouble },
          ]}
        />
        <Select
          w={170}
          aria-label={t.instances.kind}
          allowDeselect={false}
          value={kind ?? 'any'}
          onChange={(now) => set({ kind: now === 'any' ? undefined : (now as 'lxc') })}
          data={[
            { value: 'any', label: t.instances.anyKind },
            ...(['lxc', 'qemu'] as const).map((one) => ({ value: one, label: t.instances.kinds[one] })),
          ]}
        />
        {(projects.length > 1 || staff) && (
          <Button
            variant={scope === 'all' ? 'light' : 'default'}
            aria-pressed={scope === 'all'}
            onClick={() => set({ scope: scope === 'all' ? undefined : 'all' })}
          >
            {t.instances.allProjects}
          </Button>
        )}
      </Group>
      <ResourceTable
        label={t.instances.title}
        rows={shown}
        columns={columns}
        acts={acts}
        id={(one) => one.id}
        name={(one) => one.name}
        error={query.error}
        onRetry={() => void query.refetch()}
        sort={sort}
        onSort={(now) => set({ sort: now === 'name' ? undefined : now })}
        selected={picked}
        onSelect={setPicked}
        card={card}
        empty={
          <Nothing
            icon={IconServer2}
            title={t.instances.empty}
            action={<LinkButton to="/instances-new">{t.instances.create}</LinkButton>}
            unfilter={filtered && (() => set({ q: undefined, state: undefined, kind: undefined }))}
          >
            {t.instances.emptyHint}
          </Nothing>
        }
      />
      <BulkBar picked={picked} all={query.data} onDone={() => setPicked(new Set())} />
    </>
  )
}

function Marks({ one }: { one: Instance }) {
  const t = useT()
  return (
    <>
      {one.protected && (
        <Tooltip label={t.instances.protected}>
          <IconShield size={14} role="img" aria-label={t.instances.protected} color="var(--mantine-color-dimmed)" />
        </Tooltip>
      )}
      {one.drift.length > 0 && (
        <Tooltip label={t.instances.drifted}>
          <IconAlertTriangle
            size={14}
            role="img"
            aria-label={t.instances.drifted}
            color="var(--mantine-color-yellow-text)"
          />
        </Tooltip>
      )}
    </>
  )
}

function InstanceCard({ one, template }: { one: Instance; template: string | undefined }) {
  return (
    <>
      <Group justify="space-between" wrap="nowrap">
        <Group gap={6} wrap="nowrap" miw={0}>
          <LinkAnchor to="/instances/$id" params={{ id: one.id }} fw={600} c="inherit" truncate>
            {one.name}
          </LinkAnchor>
          <Marks one={one} />
        </Group>
        <RowMenu instance={one} />
      </Group>
      <Group gap="md" mt={4}>
        <InstanceStatus state={one.state} trashed={!!one.trashed_until} />
        <Text size="sm" c="dimmed" ff="monospace">
          {one.address ?? '–'}
        </Text>
      </Group>
      <Text size="sm" c="dimmed" mt={4}>
        <SizeText size={one.size} />
        {template && ` · ${template}`}
      </Text>
    </>
  )
}

const bulk: { action: BulkAction; danger?: boolean }[] = [
  { action: 'start' },
  { action: 'shutdown' },
  { action: 'reboot' },
  { action: 'snapshot' },
  { action: 'stop', danger: true },
  { action: 'trash', danger: true },
]

/** What can be done to all that are selected; each answers for itself. */
function BulkBar({ picked, all, onDone }: { picked: Set<string>; all: Instance[] | undefined; onDone: () => void }) {
  const t = useT()
  const chosen = all?.filter((one) => picked.has(one.id)) ?? []
  const run = async (action: BulkAction) => {
    let done = 0
    const refused: string[] = []
    for (let from = 0; from < chosen.length; from += 100) {
      const { data } = await changeInstances({
        body: { action, instance_ids: chosen.slice(from, from + 100).map((one) => one.id) },
      })
      for (const one of data) {
        if (one.operation) done += 1
        else
          refused.push(
            `${chosen.find((other) => other.id === one.instance_id)?.name ?? ''}: ${one.problem?.detail ?? ''}`,
          )
        settle(one.operation, one.instance_id)
      }
    }
    notifications.show({
      color: refused.length ? 'yellow' : 'teal',
      title: t.instances.bulkDone(done, chosen.length),
      message: refused.slice(0, 4).join(' · '),
      autoClose: refused.length ? 12_000 : 4000,
    })
    onDone()
  }
  return (
    <Transition mounted={chosen.length > 0} transition="slide-up">
      {(style) => (
        <Paper
          withBorder
          shadow="lg"
          radius="lg"
          p="xs"
          pos="sticky"
          bottom={16}
          mt="md"
          mx="auto"
          w="fit-content"
          maw="100%"
          style={{ ...style, zIndex: 5 }}
          role="region"
          aria-label={t.common.selected(chosen.length)}
        >
          <Group gap="xs" justify="center">
            <Text size="sm" fw={550} px="xs">
              {t.common.selected(chosen.length)}
            </Text>
            {bulk.map(({ action, danger }) => {
              const label = t.operations.verbs[action]
              return (
                <Button
                  key={action}
                  size="xs"
                  variant={danger ? 'light' : 'default'}
                  color={danger ? 'red' : undefined}
                  onClick={() =>
                    danger
                      ? confirm({
                          title: `${label}: ${t.instances.count(chosen.length)}`,
                          body: (
                            <Stack gap="xs">
                              <Text size="sm">{action === 'trash' ? t.instances.trashBody : t.instances.stopBody}</Text>
                              <Text size="sm" fw={550} lineClamp={4}>
                                {chosen.map((one) => one.name).join(', ')}
                              </Text>
                            </Stack>
                          ),
                          label,
                          act: () => run(action),
                        })
                      : void run(action)
                  }
                  disabled={chosen.every((one) => isPassing(one.state))}
                >
                  {label}
                </Button>
              )
            })}
            <Button size="xs" variant="subtle" color="gray" onClick={onDone}>
              {t.common.cancel}
            </Button>
          </Group>
        </Paper>
      )}
    </Transition>
  )
}
