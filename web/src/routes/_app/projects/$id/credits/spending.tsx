import { Group, Progress, SegmentedControl, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import * as v from 'valibot'
import { getSpendingOptions } from '~/api'
import { Credits } from '~/components/Credits'
import { LinkAnchor } from '~/components/links'
import { Section } from '~/components/Section'
import { SpendingChart } from '~/components/SpendingChart'
import { Answered } from '~/components/states'
import { useInstanceNames } from '~/features/instances/queries'
import { useT } from '~/i18n'

const DAY = 86_400_000

export const Route = createFileRoute('/_app/projects/$id/credits/spending')({
  validateSearch: v.object({ days: v.optional(v.picklist([7, 90, 365])) }),
  component: SpendingTab,
})

function SpendingTab() {
  const t = useT()
  const { id } = Route.useParams()
  const { days = 30 } = Route.useSearch()
  const navigate = Route.useNavigate()
  // From the beginning of a day, so that the same is asked all day long.
  const from = new Date(Math.floor(Date.now() / DAY - days + 1) * DAY).toISOString()
  const query = useQuery({
    ...getSpendingOptions({ path: { id }, query: days === 30 ? {} : { from } }),
    placeholderData: (before, asked) =>
      (asked?.queryKey[0] as { path?: { id?: string } } | undefined)?.path?.id === id ? before : undefined,
  })
  const names = useInstanceNames()
  return (
    <Answered query={query}>
      {(spent) => (
        <Stack>
          <Section
            title={t.credits.spending}
            about={t.credits.spendingRanges[days]}
            action={
              <>
                <SegmentedControl
                  size="xs"
                  className="scrolls"
                  aria-label={t.credits.spendingRange}
                  value={String(days)}
                  onChange={(next) =>
                    void navigate({
                      search: { days: next === '30' ? undefined : (Number(next) as 7) },
                      replace: true,
                      resetScroll: false,
                    })
                  }
                  data={['7', '30', '90', '365'].map((value) => ({
                    value,
                    label: t.credits.spendingDays(Number(value)),
                  }))}
                />
                <Text fw={650} fz="lg">
                  <Credits micros={spent.total_micros} />
                </Text>
              </>
            }
          >
            <SpendingChart days={spent.by_day} height={260} />
          </Section>
          <Section title={t.credits.byInstance}>
            {spent.by_instance.length === 0 ? (
              <Text size="sm" c="dimmed">
                {t.dashboard.spendingNone}
              </Text>
            ) : (
              <Stack gap="sm">
                {[...spent.by_instance]
                  .sort((a, b) => b.credits_micros - a.credits_micros)
                  .map((one) => {
                    const name = names.get(one.instance_id)
                    return (
                      <div key={one.instance_id}>
                        <Group justify="space-between" mb={4}>
                          {name ? (
                            <LinkAnchor to="/instances/$id/cost" params={{ id: one.instance_id }} size="sm" c="inherit">
                              {name}
                            </LinkAnchor>
                          ) : (
                            <Text size="sm" c="dimmed">
                              {t.instances.states.deleted} · {one.instance_id.slice(-8)}
                            </Text>
                          )}
                          <Text size="sm">
                            <Credits micros={one.credits_micros} exact />
                          </Text>
                        </Group>
                        <Progress
                          size={5}
                          value={spent.total_micros ? (one.credits_micros / spent.total_micros) * 100 : 0}
                          aria-label={name ?? one.instance_id}
                        />
                      </div>
                    )
                  })}
              </Stack>
            )}
          </Section>
        </Stack>
      )}
    </Answered>
  )
}
