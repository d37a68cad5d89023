import { Group, Text } from '@mantine/core'
import { IconHandGrab, IconHandOff } from '@tabler/icons-react'
import { createFileRoute } from '@tanstack/react-router'
import { useEffect } from 'react'
import { type Adoption, type AdoptionState, refetch } from '~/api'
import { listAdoptions, releaseInstance } from '~/api/gen/sdk.gen'
import { usePages } from '~/api/pages'
import { CommandHints } from '~/components/CommandHints'
import { confirm } from '~/components/confirm'
import { LinkAnchor, LinkButton } from '~/components/links'
import { ResourceTable } from '~/components/ResourceTable'
import { Badge, type Tone } from '~/components/StatusBadge'
import { Nothing } from '~/components/states'
import { When } from '~/components/When'
import { useProjectNames } from '~/features/admin/names'
import { RowActions } from '~/features/admin/RowActions'
import { useT } from '~/i18n'

export const Route = createFileRoute('/_app/admin/clusters/$id/adoptions')({ component: Adoptions })

const tones: Record<AdoptionState, Tone> = {
  wished: 'busy',
  undoing: 'warn',
  adopted: 'good',
  releasing: 'warn',
  released: 'quiet',
  failed: 'bad',
}

/** What was adopted, and giving it back. */
function Adoptions() {
  const t = useT()
  const words = t.admin.clusters
  const { id } = Route.useParams()
  const projects = useProjectNames()
  const list = usePages('listAdoptions', id, (asked, signal) => listAdoptions({ path: { id }, query: asked, signal }))
  // No event tells how an adoption goes on.
  const underWay = list.items?.some((one) => ['wished', 'undoing', 'releasing'].includes(one.state))
  useEffect(() => {
    if (!underWay) return
    const again = setInterval(() => void refetch('listAdoptions'), 2000)
    return () => clearInterval(again)
  }, [underWay])
  const link = (one: Adoption) =>
    one.state === 'adopted' ? (
      <LinkAnchor to="/instances/$id" params={{ id: one.instance_id }} size="sm" fw={550} c="inherit">
        {one.draft.name}
      </LinkAnchor>
    ) : (
      <Text size="sm" fw={550}>
        {one.draft.name}
      </Text>
    )
  const state = (one: Adoption) => (
    <Badge tone={tones[one.state]} busy={one.state === 'wished' || one.state === 'releasing'}>
      {words.adoptionStates[one.state]}
    </Badge>
  )
  const menu = (one: Adoption) => (
    <RowActions
      name={one.draft.name}
      deeds={[
        {
          id: 'release',
          label: words.release,
          icon: IconHandOff,
          danger: true,
          why: one.state === 'adopted' ? undefined : words.notAdopted,
          run: () =>
            confirm({
              title: words.releaseTitle(one.draft.name),
              body: words.releaseBody,
              label: words.release,
              name: one.draft.name,
              extra: (
                <CommandHints
                  hints={[
                    {
                      cli: `innkeeper instance release ${one.draft.name}`,
                      path: `/api/v1/instances/${one.instance_id}/release`,
                    },
                  ]}
                />
              ),
              act: () =>
                releaseInstance({ path: { id: one.instance_id } }).then(() =>
                  refetch('listAdoptions', 'listGuests', 'listInstances'),
                ),
            }),
        },
      ]}
    />
  )
  return (
    <ResourceTable
      label={words.tabs.adoptions}
      {...list.table}
      id={(one) => one.id}
      rowHeight={56}
      columns={[
        {
          key: 'name',
          title: t.common.name,
          render: (one) => (
            <>
              {link(one)}
              <Text size="xs" c="dimmed">
                VMID {one.vmid} · {one.draft.node}
              </Text>
            </>
          ),
        },
        {
          key: 'state',
          title: t.common.state,
          render: (one) => (
            <>
              {state(one)}
              {one.problem && (
                <Text size="xs" c="red" maw={320}>
                  {one.problem}
                </Text>
              )}
            </>
          ),
        },
        {
          key: 'project',
          title: words.forProject,
          from: 'md',
          render: (one) => <Text size="sm">{projects.get(one.project_id) ?? '–'}</Text>,
        },
        { key: 'when', title: t.common.when, from: 'md', render: (one) => <When at={one.created_at} size="sm" /> },
      ]}
      acts={menu}
      card={(one) => (
        <>
          <Group justify="space-between" wrap="nowrap">
            {link(one)}
            {menu(one)}
          </Group>
          {state(one)}
          <Text size="xs" c="dimmed" mt={4}>
            VMID {one.vmid} · {projects.get(one.project_id)} · <When at={one.created_at} />
          </Text>
        </>
      )}
      empty={
        <Nothing
          icon={IconHandGrab}
          title={words.adoptionsNone}
          action={
            <LinkButton
              to="/admin/clusters/$id/guests"
              params={{ id }}
              search={{ only: 'adoptable' }}
              variant="default"
            >
              {words.tabs.guests}
            </LinkButton>
          }
        >
          {words.adoptionsHint}
        </Nothing>
      }
    />
  )
}
