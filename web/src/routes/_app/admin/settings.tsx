import { SimpleGrid, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import { getPaymentOfferOptions, getSetupOptions, listProvidersOptions } from '~/api'
import { CommandHints } from '~/components/CommandHints'
import { Facts } from '~/components/Facts'
import { LinkAnchor } from '~/components/links'
import { PageHeader } from '~/components/PageHeader'
import { Section } from '~/components/Section'
import { Badge } from '~/components/StatusBadge'
import { Answered } from '~/components/states'
import { useT } from '~/i18n'
import { useFormat } from '~/lib/format'

export const Route = createFileRoute('/_app/admin/settings')({ component: Settings })

/** What the house is set to do, as far as it tells; it is changed in its configuration. */
function Settings() {
  const t = useT()
  const f = useFormat()
  const words = t.admin.house
  const setup = useQuery(getSetupOptions())
  const providers = useQuery(listProvidersOptions())
  const offer = useQuery(getPaymentOfferOptions())
  const flag = (on: boolean) => <Badge tone={on ? 'good' : 'quiet'}>{on ? t.common.on : t.common.off}</Badge>
  return (
    <>
      <PageHeader title={words.title} sub={words.sub} />
      <Stack>
        <SimpleGrid cols={{ base: 1, md: 2 }}>
          <Section title={words.entry} about={words.entryAbout}>
            <Answered query={setup}>
              {(found) => (
                <Facts
                  items={[
                    [words.registration, words.registrations[found.registration]],
                    [words.passkeys, flag(found.passkeys)],
                    [words.mail, flag(found.mail)],
                  ]}
                />
              )}
            </Answered>
          </Section>
          <Section title={words.providers} about={words.providersAbout}>
            <Answered query={providers} lines={2}>
              {({ items }) =>
                items.length === 0 ? (
                  <Text size="sm" c="dimmed">
                    {t.common.none}
                  </Text>
                ) : (
                  items.map((one) => (
                    <Text key={one.name} size="sm" className="line" py={6}>
                      {one.title}
                    </Text>
                  ))
                )
              }
            </Answered>
          </Section>
          <Section title={words.selling} about={words.sellingAbout}>
            <Answered query={offer} lines={3}>
              {(found) => (
                <Facts
                  items={[
                    [words.sold, flag(found.enabled)],
                    [
                      words.payProviders,
                      found.providers.length > 0 && found.providers.map((one) => t.credits.providers[one]).join(', '),
                    ],
                    [
                      words.price,
                      found.credit_price.length > 0 &&
                        found.credit_price.map((one) => f.money(one.minor, one.currency)).join(' · '),
                    ],
                    [words.atOnce, found.enabled && `${f.whole(found.least_credits)} – ${f.whole(found.most_credits)}`],
                  ]}
                />
              )}
            </Answered>
          </Section>
          <Section title={words.leasing} about={words.leasingAbout}>
            <LinkAnchor to="/admin/leases/terms" size="sm">
              {words.terms}
            </LinkAnchor>
          </Section>
        </SimpleGrid>
        <CommandHints open hints={[{ cli: 'innkeeper config', method: 'GET', path: '/api/v1/setup' }]} />
      </Stack>
    </>
  )
}
