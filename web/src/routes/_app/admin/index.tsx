import { Card, Group, SimpleGrid, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { getFinanceOptions, listClustersOptions, listOperationsOptions } from '~/api'
import { Credits } from '~/components/Credits'
import { PageHeader } from '~/components/PageHeader'
import { Section } from '~/components/Section'
import { Badge } from '~/components/StatusBadge'
import { Answered } from '~/components/states'
import { When } from '~/components/When'
import { allInstances } from '~/features/instances/queries'
import { useT } from '~/i18n'
import { useIsAdmin } from '~/lib/me'

export const Route = createFileRoute('/_app/admin/')({ component: House })

function House() {
  const t = useT()
  const words = t.admin.overview
  const admin = useIsAdmin()
  const clusters = useQuery({ ...listClustersOptions({ query: { limit: 200 } }), refetchInterval: 30_000 })
  const { data: instances } = useQuery(allInstances())
  const { data: finance } = useQuery({ ...getFinanceOptions(), enabled: admin })
  const { data: active } = useQuery(listOperationsOptions({ query: { active: true, limit: 50 } }))
  return (
    <>
      <PageHeader title={words.title} sub={words.sub} />
      <SimpleGrid cols={{ base: 2, md: 4 }} mb="md">
        <Stat name={words.instances} value={instances?.length ?? '…'} />
        <Stat name={words.operations} value={active?.items.length ?? '…'} />
        {finance && <Stat name={words.outstanding} value={<Credits micros={finance.outstanding_micros} />} />}
        {finance && <Stat name={words.revenue} value={<Credits micros={finance.revenue_micros} />} />}
      </SimpleGrid>
      <Section title={words.clusters}>
        <Answered query={clusters}>
          {({ items }) =>
            items.length === 0 ? (
              <Text size="sm" c="dimmed">
                {words.clustersNone}
              </Text>
            ) : (
              <Stack gap={0}>
                {items.map((one) => (
                  <Group key={one.id} justify="space-between" py={9} className="line">
                    <div>
                      <Text size="sm" fw={550}>
                        {one.name}
                      </Text>
                      <Text size="xs" c="dimmed">
                        Proxmox VE {one.version ?? '–'} · {words.seen} <When at={one.seen_at} />
                      </Text>
                    </div>
                    <Badge
                      tone={
                        one.health === 'healthy'
                          ? 'good'
                          : one.health === 'unknown' || one.health === 'degraded'
                            ? 'warn'
                            : 'bad'
                      }
                    >
                      {words.health[one.health]}
                    </Badge>
                  </Group>
                ))}
              </Stack>
            )
          }
        </Answered>
      </Section>
    </>
  )
}

function Stat({ name, value }: { name: string; value: ReactNode }) {
  return (
    <Card padding="md">
      <Text size="sm" c="dimmed">
        {name}
      </Text>
      <Text component="div" fz={25} fw={650} className="tnum">
        {value}
      </Text>
    </Card>
  )
}
