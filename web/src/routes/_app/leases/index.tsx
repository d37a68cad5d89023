import { Button, Group, SegmentedControl, Text, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { modals } from '@mantine/modals'
import { notifications } from '@mantine/notifications'
import { IconPlus, IconTicket } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import * as v from 'valibot'
import { getLeaseCatalogueOptions, hasCode, type Lease, refetch } from '~/api'
import { claimLease, listLeases } from '~/api/gen/sdk.gen'
import { usePages } from '~/api/pages'
import { DialogForm } from '~/components/DialogForm'
import { LinkAnchor, LinkButton } from '~/components/links'
import { PageHeader } from '~/components/PageHeader'
import { ResourceTable } from '~/components/ResourceTable'
import { LeaseStatus } from '~/components/StatusBadge'
import { Nothing } from '~/components/states'
import { When } from '~/components/When'
import { SizeText } from '~/features/instances/SizeText'
import { useT } from '~/i18n'
import { useFormat } from '~/lib/format'

export const Route = createFileRoute('/_app/leases/')({
  validateSearch: v.object({ state: v.optional(v.picklist(['active', 'expired', 'ended'])) }),
  component: Leases,
})

function Leases() {
  const t = useT()
  const f = useFormat()
  const words = t.leases
  const { state } = Route.useSearch()
  const navigate = Route.useNavigate()
  const catalogue = useQuery({ ...getLeaseCatalogueOptions(), staleTime: 300_000, retry: false })
  const list = usePages(
    'listLeases',
    undefined,
    (asked, signal) => listLeases({ query: { ...asked, ...(state ? { state } : {}) }, signal }),
    { filter: state },
  )
  const off = hasCode(catalogue.error, 'leases_off', 'not_found')
  const claim = () => modals.open({ title: words.claim, children: <ClaimDialog onDone={() => modals.closeAll()} /> })
  const link = (one: Lease) => (
    <LinkAnchor to="/leases/$id" params={{ id: one.id }} size="sm" fw={550} c="inherit">
      {one.name}
    </LinkAnchor>
  )
  return (
    <>
      <PageHeader title={words.title} sub={off ? words.off : words.sub}>
        <Button variant="default" onClick={claim}>
          {words.claim}
        </Button>
        <LinkButton to="/leases-new" leftSection={<IconPlus size={16} aria-hidden />}>
          {words.rent}
        </LinkButton>
      </PageHeader>
      <SegmentedControl
        mb="md"
        className="scrolls"
        aria-label={t.common.state}
        value={state ?? 'all'}
        onChange={(next) =>
          void navigate({ search: { state: next === 'all' ? undefined : (next as 'active') }, replace: true })
        }
        data={[
          { value: 'all', label: t.common.all },
          ...(['active', 'expired', 'ended'] as const).map((value) => ({ value, label: words.states[value] })),
        ]}
      />
      <ResourceTable
        label={words.title}
        {...list.table}
        id={(one) => one.id}
        columns={[
          {
            key: 'name',
            title: t.common.name,
            render: (one) => (
              <>
                {link(one)}
                <Text size="xs" c="dimmed">
                  <SizeText size={one.size} />
                </Text>
              </>
            ),
          },
          { key: 'state', title: t.common.state, render: (one) => <LeaseStatus state={one.state} /> },
          {
            key: 'address',
            title: t.instances.address,
            from: 'md',
            render: (one) => (
              <Text size="sm" ff="monospace">
                {one.address ?? '–'}
              </Text>
            ),
          },
          { key: 'ends', title: words.ends, render: (one) => <When at={one.expires_at} size="sm" /> },
          {
            key: 'price',
            title: words.price,
            right: true,
            from: 'lg',
            render: (one) => (
              <Text size="sm" className="tnum">
                {f.fine(one.hourly_micros)} {t.common.perHour}
              </Text>
            ),
          },
        ]}
        card={(one) => (
          <>
            <Group justify="space-between">
              {link(one)}
              <LeaseStatus state={one.state} />
            </Group>
            <Text size="sm" c="dimmed" mt={4}>
              <SizeText size={one.size} /> · {words.ends} <When at={one.expires_at} />
            </Text>
          </>
        )}
        empty={
          <Nothing
            icon={IconTicket}
            title={words.empty}
            action={<LinkButton to="/leases-new">{words.rent}</LinkButton>}
            unfilter={!!state && (() => void navigate({ search: {}, replace: true }))}
          >
            {words.emptyHint}
          </Nothing>
        }
      />
    </>
  )
}

function ClaimDialog({ onDone }: { onDone: () => void }) {
  const t = useT()
  const form = useForm({ initialValues: { id: '', token: '' } })
  const { id, token } = form.values
  return (
    <DialogForm
      about={t.leases.claimAbout}
      label={t.leases.claim}
      disabled={!id.trim() || !token.trim()}
      onCancel={onDone}
      hints={[
        {
          cli: `innkeeper lease claim ${id || 'LEASE'}`,
          path: `/api/v1/leases/${id || 'LEASE'}/claim`,
          body: { token: 'TOKEN' },
        },
      ]}
      submit={async () => {
        await claimLease({ path: { id: id.trim() }, body: { token: token.trim() } })
        void refetch('listLeases', 'getMe')
        notifications.show({ color: 'teal', message: t.leases.claimed })
        onDone()
      }}
    >
      <TextInput data-autofocus label={t.leases.leaseId} placeholder="lea_…" {...form.getInputProps('id')} />
      <TextInput label={t.leases.leaseToken} autoComplete="off" {...form.getInputProps('token')} />
    </DialogForm>
  )
}
