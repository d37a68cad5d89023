import { Group, Text } from '@mantine/core'
import { modals } from '@mantine/modals'
import { IconEye, IconInbox, IconSend } from '@tabler/icons-react'
import type { Delivery, Webhook } from '~/api'
import { listDeliveries, resendDelivery } from '~/api/gen/sdk.gen'
import { usePages } from '~/api/pages'
import { CommandHints } from '~/components/CommandHints'
import { ResourceTable } from '~/components/ResourceTable'
import { Section } from '~/components/Section'
import { Nothing } from '~/components/states'
import { When } from '~/components/When'
import { OneOf } from '~/features/admin/Filter'
import { RowActions } from '~/features/admin/RowActions'
import { useT } from '~/i18n'
import { useAct } from '~/lib/act'
import { SentDialog } from './SentDialog'
import { DeliveryStatus, useLast } from './status'

export const deliveryStates = ['pending', 'delivered', 'failed'] as const

/** What a webhook was told, and what came of it. */
export function Deliveries({
  webhook,
  state,
  every,
  onState,
}: {
  webhook: Webhook
  state: Delivery['state'] | undefined
  every: number
  onState: (state: Delivery['state'] | undefined) => void
}) {
  const t = useT()
  const words = t.webhooks
  const last = useLast()
  const { id } = webhook
  const list = usePages(
    'listDeliveries',
    id,
    (asked, signal) => listDeliveries({ path: { id }, query: { ...asked, ...(state ? { state } : {}) }, signal }),
    { filter: state, limit: 15, every },
  )
  const next = (one: Delivery) =>
    one.next_try_at && (
      <Text size="xs" c="dimmed">
        {words.nextTry} <When at={one.next_try_at} />
      </Text>
    )
  return (
    <Section
      title={words.deliveries}
      about={words.deliveriesAbout}
      action={<OneOf label={t.common.state} value={state} names={words.deliveryStates} onChange={onState} />}
    >
      <ResourceTable
        label={words.deliveries}
        {...list.table}
        id={(one) => one.id}
        columns={[
          {
            key: 'type',
            title: words.kind,
            render: (one) => (
              <>
                <Text size="sm" fw={550}>
                  {one.type}
                </Text>
                <Text size="xs" c="dimmed" className="mono" truncate maw={260} title={one.subject_id}>
                  {one.subject_id}
                </Text>
              </>
            ),
          },
          { key: 'state', title: t.common.state, render: (one) => <DeliveryStatus state={one.state} /> },
          {
            key: 'last',
            title: words.last,
            render: (one) => (
              <>
                <Text size="sm" className="tnum">
                  {last(one)}
                </Text>
                {next(one)}
              </>
            ),
          },
          {
            key: 'tries',
            title: words.tries,
            right: true,
            from: 'md',
            width: 80,
            render: (one) => (
              <Text size="sm" className="tnum">
                {one.tries.length}
              </Text>
            ),
          },
          { key: 'when', title: t.common.when, from: 'lg', render: (one) => <When at={one.happened_at} size="sm" /> },
        ]}
        acts={(one) => <Acts webhook={webhook} delivery={one} />}
        card={(one) => (
          <>
            <Group justify="space-between" wrap="nowrap">
              <Text size="sm" fw={600} truncate>
                {one.type}
              </Text>
              <Acts webhook={webhook} delivery={one} />
            </Group>
            <Group justify="space-between" mt={4}>
              <DeliveryStatus state={one.state} />
              <Text size="sm" c="dimmed">
                <When at={one.happened_at} />
              </Text>
            </Group>
            <Text size="sm" c="dimmed" mt={4}>
              {last(one)} · {words.triesCount(one.tries.length)}
            </Text>
            {next(one)}
          </>
        )}
        empty={
          state ? (
            <Nothing icon={IconInbox} title={words.emptyFiltered}>
              {words.emptyFilteredHint}
            </Nothing>
          ) : (
            <Nothing icon={IconInbox} title={words.emptyDeliveries}>
              {words.emptyDeliveriesHint}
            </Nothing>
          )
        }
      />
      <div style={{ marginTop: 16 }}>
        <CommandHints
          hints={[
            {
              cli: `innkeeper webhook deliveries ${id}`,
              method: 'GET',
              path: `/api/v1/webhooks/${id}/deliveries`,
            },
            { cli: `innkeeper webhook test ${id}`, path: `/api/v1/webhooks/${id}/test` },
          ]}
        />
      </div>
    </Section>
  )
}

function Acts({ webhook, delivery }: { webhook: Webhook; delivery: Delivery }) {
  const t = useT()
  const words = t.webhooks
  const path = { id: webhook.id, delivery: delivery.id }
  const resend = useAct(() => resendDelivery({ path }), {
    stale: ['listDeliveries', 'getDelivery', 'getWebhook'],
    done: words.resent,
  })
  const show = () =>
    modals.open({
      title: `${words.showTitle} · ${delivery.type}`,
      size: 'xl',
      children: <SentDialog webhookId={webhook.id} deliveryId={delivery.id} />,
    })
  return (
    <RowActions
      name={delivery.type}
      deeds={[
        { id: 'show', label: words.show, icon: IconEye, run: show },
        {
          id: 'resend',
          label: words.resend,
          icon: IconSend,
          why: webhook.enabled ? undefined : words.isOff,
          run: () => resend.mutate(undefined),
        },
      ]}
    />
  )
}
