import { Group, Text } from '@mantine/core'
import { modals } from '@mantine/modals'
import { IconCoin, IconEye, IconEyeOff, IconPlus, IconStack2 } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import { type Plan, refetch } from '~/api'
import { changePlan } from '~/api/gen/sdk.gen'
import { CanButton } from '~/components/Can'
import { CommandHints } from '~/components/CommandHints'
import { Credits } from '~/components/Credits'
import { confirm } from '~/components/confirm'
import { ResourceTable } from '~/components/ResourceTable'
import { Badge } from '~/components/StatusBadge'
import { Nothing } from '~/components/states'
import { PlanDialog, PlanPriceDialog } from '~/features/admin/catalogue/PlanDialogs'
import { RowActions } from '~/features/admin/RowActions'
import { allPlans } from '~/features/instances/queries'
import { SizeText } from '~/features/instances/SizeText'
import { useEstimate } from '~/features/instances/sizes'
import { useT } from '~/i18n'
import { useIsAdmin } from '~/lib/me'

export const Route = createFileRoute('/_app/admin/catalogue/plans')({ component: Plans })

function Plans() {
  const t = useT()
  const words = t.admin.catalogue
  const admin = useIsAdmin()
  const query = useQuery(allPlans())
  const create = (
    <CanButton
      leftSection={<IconPlus size={16} aria-hidden />}
      onClick={() => modals.open({ title: words.newPlan, children: <PlanDialog onDone={() => modals.closeAll()} /> })}
    >
      {words.newPlan}
    </CanButton>
  )
  const offered = (one: Plan) => (
    <Badge tone={one.offered ? 'good' : 'quiet'}>{one.offered ? words.offered : words.notOffered}</Badge>
  )
  const menu = (one: Plan) => (
    <RowActions
      name={one.name}
      deeds={[
        {
          id: 'price',
          label: words.setPrice,
          icon: IconCoin,
          why: admin ? undefined : t.admin.adminsOnly,
          run: () =>
            modals.open({
              title: words.priceOf(one.name),
              children: <PlanPriceDialog plan={one} onDone={() => modals.closeAll()} />,
            }),
        },
        {
          id: 'offer',
          label: one.offered ? words.withdraw : words.offer,
          icon: one.offered ? IconEyeOff : IconEye,
          run: () =>
            confirm({
              title: one.offered ? words.withdrawTitle(one.name) : words.offerTitle(one.name),
              body: one.offered ? words.withdrawBody : words.offerBody,
              label: one.offered ? words.withdraw : words.offer,
              danger: one.offered,
              extra: (
                <CommandHints
                  hints={[{ method: 'PATCH', path: `/api/v1/plans/${one.id}`, body: { offered: !one.offered } }]}
                />
              ),
              act: () =>
                changePlan({ path: { id: one.id }, body: { offered: !one.offered } }).then(() => refetch('listPlans')),
            }),
        },
      ]}
    />
  )
  return (
    <>
      <Group justify="flex-end" mb="md">
        {create}
      </Group>
      <ResourceTable
        label={words.plans}
        rows={query.data}
        error={query.error}
        onRetry={() => void query.refetch()}
        id={(one) => one.id}
        columns={[
          {
            key: 'name',
            title: t.common.name,
            render: (one) => (
              <>
                <Text size="sm" fw={550}>
                  {one.name}
                </Text>
                <Text size="xs" c="dimmed">
                  <SizeText size={one.size} />
                </Text>
              </>
            ),
          },
          { key: 'offered', title: t.common.state, render: offered },
          { key: 'hour', title: words.runningHour, right: true, render: (one) => <Price plan={one} of="running" /> },
          {
            key: 'stopped',
            title: words.stoppedHour,
            right: true,
            from: 'lg',
            render: (one) => <Price plan={one} of="stopped" />,
          },
          {
            key: 'month',
            title: words.monthly,
            right: true,
            from: 'md',
            render: (one) => <Price plan={one} of="month" />,
          },
          {
            key: 'by',
            title: words.price,
            from: 'lg',
            render: (one) => <Text size="sm">{one.price ? words.ownPrice : words.byList}</Text>,
          },
        ]}
        acts={menu}
        card={(one) => (
          <>
            <Group justify="space-between" wrap="nowrap">
              <Text fw={600}>{one.name}</Text>
              {menu(one)}
            </Group>
            <Text size="sm" c="dimmed">
              <SizeText size={one.size} />
            </Text>
            <Group gap="md" mt={4}>
              {offered(one)}
              <Price plan={one} of="running" />
            </Group>
          </>
        )}
        empty={
          <Nothing icon={IconStack2} title={words.plansNone} action={create}>
            {words.plansHint}
          </Nothing>
        }
      />
    </>
  )
}

function Price({ plan, of }: { plan: Plan; of: 'running' | 'stopped' | 'month' }) {
  const t = useT()
  const { data } = useEstimate({ plan_id: plan.id })
  if (!data) return <Text size="sm">–</Text>
  return (
    <Text size="sm" component="div">
      {of === 'month' ? (
        <Credits micros={data.month_micros} />
      ) : (
        <Credits
          micros={of === 'running' ? data.rate.running_micros : data.rate.stopped_micros}
          unit={t.common.perHour}
          exact
        />
      )}
    </Text>
  )
}
