import { Group, Progress, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import { getSpendingOptions } from '~/api'
import { Credits } from '~/components/Credits'
import { LinkAnchor } from '~/components/links'
import { Section } from '~/components/Section'
import { SpendingChart } from '~/components/SpendingChart'
import { Answered } from '~/components/states'
import { useInstanceNames } from '~/features/instances/queries'
import { useT } from '~/i18n'

export const Route = createFileRoute('/_app/projects/$id/credits/spending')({ component: SpendingTab })

function SpendingTab() {
  const t = useT()
  const { id } = Route.useParams()
  const query = useQuery(getSpendingOptions({ path: { id } }))
  const names = useInstanceNames()
  return (
    <Answered query={query}>
      {(spent) => (
        <Stack>
          <Section
            title={t.credits.spending}
            about={t.credits.spendingAbout}
            action={
              <Text fw={650} fz="lg">
                <Credits micros={spent.total_micros} />
              </Text>
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
