import { Card, Group, SimpleGrid, Skeleton, Stack, Table, Text, ThemeIcon, Title } from '@mantine/core'
import { IconBox, IconDeviceDesktop, IconTemplate } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import { listPriceListsOptions, type Plan, type Template } from '~/api'
import { Credits } from '~/components/Credits'
import { LinkButton } from '~/components/links'
import { PageHeader } from '~/components/PageHeader'
import { Section } from '~/components/Section'
import { Answered, Nothing } from '~/components/states'
import { allPlans, allTemplates } from '~/features/instances/queries'
import { SizeText } from '~/features/instances/SizeText'
import { useEstimate } from '~/features/instances/sizes'
import { useT } from '~/i18n'
import { useFormat } from '~/lib/format'

export const Route = createFileRoute('/_app/templates')({ component: Templates })

function Templates() {
  const t = useT()
  const f = useFormat()
  const templates = useQuery(allTemplates())
  const plans = useQuery(allPlans())
  const prices = useQuery(listPriceListsOptions({ query: { limit: 1 } }))
  return (
    <>
      <PageHeader title={t.templates.title} sub={t.templates.sub} />
      <Stack gap="xl">
        <section>
          <Title order={2} size="h4" mb="sm">
            {t.templates.templates}
          </Title>
          <Answered query={templates}>
            {(list) => {
              const offered = list.filter((one) => one.offered)
              return offered.length === 0 ? (
                <Card padding={0}>
                  <Nothing icon={IconTemplate} title={t.templates.empty}>
                    {t.templates.emptyHint}
                  </Nothing>
                </Card>
              ) : (
                <SimpleGrid cols={{ base: 1, xs: 2, lg: 3 }}>
                  {offered.map((one) => (
                    <TemplateCard key={one.id} one={one} />
                  ))}
                </SimpleGrid>
              )
            }}
          </Answered>
        </section>
        <section>
          <Title order={2} size="h4" mb="sm">
            {t.templates.plans}
          </Title>
          <Answered query={plans}>
            {(list) =>
              list.some((one) => one.offered) ? (
                <SimpleGrid cols={{ base: 1, xs: 2, lg: 3 }}>
                  {list
                    .filter((one) => one.offered)
                    .map((one) => (
                      <PlanCard key={one.id} one={one} />
                    ))}
                </SimpleGrid>
              ) : (
                <Text size="sm" c="dimmed">
                  {t.templates.noPlans}
                </Text>
              )
            }
          </Answered>
        </section>
        <Section title={t.templates.unitPrices} about={t.templates.unitPricesAbout}>
          <Answered query={prices} lines={3}>
            {({ items: [now] }) =>
              now ? (
                <Table maw={520} aria-label={t.templates.unitPrices}>
                  <Table.Thead>
                    <Table.Tr>
                      <Table.Th>{t.instances.size}</Table.Th>
                      <Table.Th ta="right">{t.templates.whileRunning}</Table.Th>
                      <Table.Th ta="right">{t.templates.whileStopped}</Table.Th>
                    </Table.Tr>
                  </Table.Thead>
                  <Table.Tbody>
                    {(
                      [
                        [t.templates.core, 'core_micros'],
                        [t.templates.memory, 'memory_gib_micros'],
                        [t.templates.disk, 'disk_gib_micros'],
                      ] as const
                    ).map(([name, field]) => (
                      <Table.Tr key={field}>
                        <Table.Th fw={400}>{name}</Table.Th>
                        <Table.Td ta="right" className="tnum">
                          {f.fine(now.running[field])}
                        </Table.Td>
                        <Table.Td ta="right" className="tnum">
                          {f.fine(now.stopped[field])}
                        </Table.Td>
                      </Table.Tr>
                    ))}
                  </Table.Tbody>
                </Table>
              ) : (
                <Text size="sm" c="dimmed">
                  {t.templates.noPrices}
                </Text>
              )
            }
          </Answered>
        </Section>
      </Stack>
    </>
  )
}

function TemplateCard({ one }: { one: Template }) {
  const t = useT()
  const Icon = one.kind === 'lxc' ? IconBox : IconDeviceDesktop
  return (
    <Card>
      <Group justify="space-between" align="flex-start" wrap="nowrap" mb="md">
        <Group wrap="nowrap" gap="sm">
          <ThemeIcon variant="light" size={42} radius="md">
            <Icon size={22} stroke={1.5} aria-hidden />
          </ThemeIcon>
          <div>
            <Title order={3} size="h5">
              {one.name}
            </Title>
            <Text size="sm" c="dimmed">
              {t.instances.kinds[one.kind]}
            </Text>
          </div>
        </Group>
      </Group>
      <Text size="sm" c="dimmed">
        {t.templates.defaultSize}
      </Text>
      <Text size="sm" mb="md">
        <SizeText size={one.default_size} />
      </Text>
      <LinkButton
        to="/instances-new"
        search={{ template: one.id }}
        variant="light"
        fullWidth
        mt="auto"
        aria-label={`${t.templates.use}: ${one.name}`}
      >
        {t.templates.use}
      </LinkButton>
    </Card>
  )
}

function PlanCard({ one }: { one: Plan }) {
  const t = useT()
  const { data } = useEstimate({ plan_id: one.id })
  return (
    <Card>
      <Title order={3} size="h5">
        {one.name}
      </Title>
      <Text size="sm" c="dimmed">
        <SizeText size={one.size} />
      </Text>
      {data ? (
        <>
          <Text fz={24} fw={650} mt="sm">
            <Credits micros={data.month_micros} />{' '}
            <Text span size="sm" c="dimmed" fw={400}>
              {t.templates.month}
            </Text>
          </Text>
          <Text size="sm" c="dimmed" mb="md">
            <Credits micros={data.rate.running_micros} unit={t.common.perHour} exact /> · {t.templates.stopped}{' '}
            <Credits micros={data.rate.stopped_micros} unit={t.common.perHour} exact />
          </Text>
        </>
      ) : (
        <Skeleton h={60} my="sm" />
      )}
      <LinkButton
        to="/instances-new"
        search={{ plan: one.id }}
        variant="light"
        fullWidth
        mt="auto"
        aria-label={`${t.templates.use}: ${one.name}`}
      >
        {t.templates.use}
      </LinkButton>
    </Card>
  )
}
