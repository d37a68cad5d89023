import { Card, Code, Group, SimpleGrid, Stack, Text } from '@mantine/core'
import { IconTicketOff } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import { type Catalogue, getLeaseCatalogueOptions, isProblem } from '~/api'
import { Credits } from '~/components/Credits'
import { Facts } from '~/components/Facts'
import { Section } from '~/components/Section'
import { Answered, Nothing } from '~/components/states'
import { SizeText } from '~/features/instances/SizeText'
import { useT } from '~/i18n'
import { useFormat } from '~/lib/format'

export const Route = createFileRoute('/_app/admin/leases/terms')({ component: Terms })

/** On what terms the house leases; they are set where it is configured. */
function Terms() {
  const words = useT().admin.sales
  const query = useQuery({ ...getLeaseCatalogueOptions(), retry: false })
  if (isProblem(query.error))
    return (
      <Card padding={0}>
        <Nothing icon={IconTicketOff} title={words.leasesOff}>
          {words.configured}
        </Nothing>
      </Card>
    )
  return <Answered query={query}>{(catalogue) => <Shown catalogue={catalogue} />}</Answered>
}

function Shown({ catalogue }: { catalogue: Catalogue }) {
  const t = useT()
  const f = useFormat()
  const words = t.admin.sales
  const { terms } = catalogue
  const time = (minutes: number) => f.duration(minutes * 60)
  return (
    <Stack>
      <SimpleGrid cols={{ base: 1, md: 2 }}>
        <Section title={words.terms} about={words.configured}>
          <Facts
            items={[
              [words.base, <Credits key="base" micros={terms.base_micros} exact />],
              [words.call, <Credits key="call" micros={terms.call_micros} exact />],
              [words.least, time(terms.least_minutes)],
              [words.most, time(terms.most_minutes)],
              [words.horizon, time(terms.horizon_minutes)],
              [words.grace, f.duration(terms.grace_seconds)],
              [words.largest, <SizeText key="largest" size={terms.largest} />],
              [words.perWallet, terms.per_wallet],
            ]}
          />
        </Section>
        <Section title={words.ways} about={words.waysAbout}>
          {catalogue.pay.length === 0 ? (
            <Text size="sm" c="dimmed">
              {words.waysNone}
            </Text>
          ) : (
            catalogue.pay.map((way) => (
              <div key={`${way.network}${way.asset}`} className="line" style={{ paddingBlock: 10 }}>
                <Group justify="space-between">
                  <Text size="sm" fw={550}>
                    {way.token_name}
                  </Text>
                  <Code>{way.network}</Code>
                </Group>
                <Text size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
                  {words.payTo} {way.pay_to}
                </Text>
              </div>
            ))
          )}
        </Section>
        <Section title={t.admin.catalogue.templates}>
          {catalogue.templates.map((one) => (
            <Text key={one.id} size="sm" className="line" py={8}>
              {one.name}
            </Text>
          ))}
        </Section>
        <Section title={t.admin.catalogue.plans}>
          {catalogue.plans.map((one) => (
            <Group key={one.id} justify="space-between" className="line" py={8}>
              <div>
                <Text size="sm" fw={550}>
                  {one.name}
                </Text>
                <Text size="xs" c="dimmed">
                  <SizeText size={one.size} />
                </Text>
              </div>
              <Text size="sm" component="div">
                <Credits micros={one.hourly_micros} unit={t.common.perHour} exact />
              </Text>
            </Group>
          ))}
        </Section>
      </SimpleGrid>
    </Stack>
  )
}
