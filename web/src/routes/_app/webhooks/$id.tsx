import { Alert, Code, Group, SimpleGrid, Stack, Text } from '@mantine/core'
import { IconAlertTriangle, IconPlugConnectedX } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import * as v from 'valibot'
import { getWebhookOptions, type Webhook } from '~/api'
import { listDeliveries } from '~/api/gen/sdk.gen'
import { CanButton } from '~/components/Can'
import { Facts } from '~/components/Facts'
import { LinkBack } from '~/components/links'
import { PageHeader } from '~/components/PageHeader'
import { Copy } from '~/components/SecretOnce'
import { Section } from '~/components/Section'
import { Answered } from '~/components/states'
import { When } from '~/components/When'
import { RowActions } from '~/features/admin/RowActions'
import { Deliveries, deliveryStates } from '~/features/webhooks/Deliveries'
import { Outcomes } from '~/features/webhooks/Outcomes'
import { hostOf, useSubjects, WebhookStatus } from '~/features/webhooks/status'
import { useWebhookDeeds } from '~/features/webhooks/useWebhookDeeds'
import { useT } from '~/i18n'

export const Route = createFileRoute('/_app/webhooks/$id')({
  validateSearch: v.object({ state: v.optional(v.picklist(deliveryStates)) }),
  component: WebhookPage,
})

/** No event tells how a webhook fares: it would be told of it in turn. So it is asked. */
const EVERY = 5000

function WebhookPage() {
  const { id } = Route.useParams()
  const query = useQuery({ ...getWebhookOptions({ path: { id } }), refetchInterval: EVERY })
  return <Answered query={query}>{(webhook) => <Shown webhook={webhook} />}</Answered>
}

function Shown({ webhook }: { webhook: Webhook }) {
  const t = useT()
  const words = t.webhooks
  const navigate = Route.useNavigate()
  const { state } = Route.useSearch()
  const subjects = useSubjects()
  const { test, switching, rest, busy } = useWebhookDeeds(webhook, () => void navigate({ to: '/webhooks' }))
  const { id } = webhook
  const newest = useQuery({
    queryKey: [{ _id: 'listDeliveries', newest: id }],
    queryFn: async ({ signal }) => (await listDeliveries({ path: { id }, query: { limit: 50 }, signal })).data.items,
    refetchInterval: EVERY,
  })
  return (
    <>
      <PageHeader
        title={webhook.name}
        sub={
          <Group gap="md">
            <WebhookStatus webhook={webhook} />
            <Text size="sm" className="mono" truncate maw="100%">
              {hostOf(webhook.url)}
            </Text>
          </Group>
        }
        back={<LinkBack to="/webhooks">{words.title}</LinkBack>}
      >
        <CanButton why={test.why} onClick={test.run} loading={busy} leftSection={<test.icon size={16} aria-hidden />}>
          {test.label}
        </CanButton>
        <RowActions button name={webhook.name} deeds={rest} />
      </PageHeader>
      {webhook.off_reason && (
        <Alert
          className="notice"
          color={webhook.off_reason === 'asked' ? 'gray' : 'red'}
          variant="light"
          mb="md"
          icon={<IconPlugConnectedX aria-hidden />}
          title={words.offTitle}
        >
          <Text size="sm">
            {words.offReasons[webhook.off_reason]} <When at={webhook.off_at} c="dimmed" />
          </Text>
          <Text size="sm" mb="sm">
            {words.offHint}
          </Text>
          <CanButton size="xs" variant="default" onClick={switching.run}>
            {switching.label}
          </CanButton>
        </Alert>
      )}
      {webhook.enabled && webhook.failing_since && (
        <Alert
          className="notice"
          color="yellow"
          variant="light"
          mb="md"
          icon={<IconAlertTriangle aria-hidden />}
          title={words.failingTitle}
        >
          <Text size="sm">
            {words.firstFailure} <When at={webhook.failing_since} />. {words.failingHint}
          </Text>
        </Alert>
      )}
      <Stack>
        <SimpleGrid cols={{ base: 1, lg: 2 }}>
          <Section title={words.about}>
            <Facts
              items={[
                [
                  words.url,
                  <Group key="url" gap="xs">
                    <Code style={{ overflowWrap: 'anywhere' }}>{webhook.url}</Code>
                    <Copy text={webhook.url} />
                  </Group>,
                ],
                [words.told, subjects(webhook)],
                [words.made, <When key="made" at={webhook.created_at} />],
                [words.id, <Code key="id">{id}</Code>],
              ]}
            />
          </Section>
          <Section title={words.outcomes} about={words.outcomesAbout}>
            <Answered query={newest} lines={2}>
              {(deliveries) => <Outcomes deliveries={deliveries} />}
            </Answered>
          </Section>
        </SimpleGrid>
        <Deliveries
          webhook={webhook}
          state={state}
          every={EVERY}
          onState={(next) => void navigate({ search: { state: next }, replace: true })}
        />
        <Section title={words.verify} about={words.verifyAbout}>
          <Code block tabIndex={0} role="region" aria-label={words.headers}>
            {
              'webhook-id: whd_…\nwebhook-timestamp: 1795221883\nwebhook-signature: v1,base64(hmac-sha256(secret, "{id}.{timestamp}.{body}"))'
            }
          </Code>
        </Section>
      </Stack>
    </>
  )
}
