import { Card, SimpleGrid, Stack, Text } from '@mantine/core'
import { IconCoin } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import { getSpendingOptions, type UsageSegment } from '~/api'
import { listUsage } from '~/api/gen/sdk.gen'
import { usePages } from '~/api/pages'
import { Credits } from '~/components/Credits'
import { ResourceTable } from '~/components/ResourceTable'
import { Section } from '~/components/Section'
import { SpendingChart } from '~/components/SpendingChart'
import { Answered, Nothing } from '~/components/states'
import { When } from '~/components/When'
import { useInstance } from '~/features/instances/useInstance'
import { useT } from '~/i18n'
import { useFormat } from '~/lib/format'

export const Route = createFileRoute('/_app/instances/$id/cost')({ component: CostTab })

const HOURS = 730

function CostTab() {
  const t = useT()
  const f = useFormat()
  const words = t.instances.cost
  const instance = useInstance()
  const { running_micros, stopped_micros } = instance.rate
  const spending = useQuery(
    getSpendingOptions({ path: { id: instance.project_id }, query: { instance_id: instance.id } }),
  )
  const usage = usePages('listUsage', instance.id, (asked, signal) =>
    listUsage({ path: { id: instance.project_id }, query: { ...asked, instance_id: instance.id }, signal }),
  )
  const amount = (one: UsageSegment) => {
    const hours = ((one.to ? Date.parse(one.to) : Date.now()) - Date.parse(one.from)) / 3_600_000
    return f.fine(Math.round(hours * one.rate_micros_per_hour))
  }
  return (
    <Stack>
      <SimpleGrid cols={{ base: 1, xs: 3 }}>
        {(
          [
            [words.running, running_micros, t.common.perHour],
            [words.stopped, stopped_micros, t.common.perHour],
            [
              words.perMonth,
              (instance.tariff === 'stopped' ? stopped_micros : running_micros) * HOURS,
              t.common.credits,
            ],
          ] as const
        ).map(([name, micros, unit]) => (
          <Card key={name} padding="md">
            <Text size="sm" c="dimmed">
              {name}
            </Text>
            <Text fz={22} fw={600}>
              <Credits micros={micros} unit={unit} exact={unit === t.common.perHour} />
            </Text>
          </Card>
        ))}
      </SimpleGrid>
      <Section title={words.spent}>
        <Answered query={spending}>
          {(spent) =>
            spent.total_micros ? (
              <SpendingChart days={spent.by_day} />
            ) : (
              <Text size="sm" c="dimmed">
                {words.none}
              </Text>
            )
          }
        </Answered>
      </Section>
      <div>
        <Text fw={600}>{words.usage}</Text>
        <Text size="sm" c="dimmed" mb="sm">
          {words.usageAbout}
        </Text>
        <ResourceTable
          label={words.usage}
          {...usage.table}
          id={(one) => one.id}
          rowHeight={45}
          columns={[
            { key: 'from', title: words.from, render: (one) => <When at={one.from} size="sm" /> },
            {
              key: 'to',
              title: words.to,
              render: (one) => (one.to ? <When at={one.to} size="sm" /> : <Text size="sm">{words.goesOn}</Text>),
            },
            {
              key: 'tariff',
              title: words.tariff,
              render: (one) => (
                <Text size="sm">
                  {words.tariffs[one.tariff]} · {f.fine(one.rate_micros_per_hour)} {t.common.perHour}
                </Text>
              ),
            },
            {
              key: 'amount',
              title: words.amount,
              right: true,
              render: (one) => (
                <Text size="sm" className="tnum">
                  {amount(one)}
                </Text>
              ),
            },
          ]}
          card={(one) => (
            <>
              <Text size="sm" fw={550}>
                {words.tariffs[one.tariff]} · {amount(one)}
              </Text>
              <Text size="xs" c="dimmed">
                <When at={one.from} /> – {one.to ? <When at={one.to} /> : words.goesOn}
              </Text>
            </>
          )}
          empty={<Nothing icon={IconCoin} title={words.none} />}
        />
      </div>
    </Stack>
  )
}
