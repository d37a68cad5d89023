import { Code, Stack, Table, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getDeliveryOptions } from '~/api'
import { CommandHints } from '~/components/CommandHints'
import { Answered } from '~/components/states'
import { When } from '~/components/When'
import { useT } from '~/i18n'
import { useFormat } from '~/lib/format'

/** One thing that a webhook was told: to the letter, and each try. */
export function SentDialog({ webhookId, deliveryId }: { webhookId: string; deliveryId: string }) {
  const t = useT()
  const f = useFormat()
  const words = t.webhooks
  const query = useQuery({
    ...getDeliveryOptions({ path: { id: webhookId, delivery: deliveryId } }),
    refetchInterval: 5000,
  })
  const path = `/api/v1/webhooks/${webhookId}/deliveries/${deliveryId}`
  return (
    <Answered query={query}>
      {({ delivery, body }) => (
        <Stack>
          <div>
            <Text size="sm" fw={600} mb={4}>
              {words.body}
            </Text>
            <Code block tabIndex={0} role="region" aria-label={words.body}>
              {JSON.stringify(JSON.parse(body), null, 2)}
            </Code>
          </div>
          <div>
            <Text size="sm" fw={600} mb={4}>
              {words.headers}
            </Text>
            <Code block tabIndex={0} role="region" aria-label={words.headers}>
              {`content-type: application/json\nwebhook-id: ${delivery.id}\nwebhook-timestamp: …\nwebhook-signature: v1,…`}
            </Code>
            <Text size="xs" c="dimmed" mt={4}>
              {words.headersAbout}
            </Text>
          </div>
          <div>
            <Text size="sm" fw={600} mb={4}>
              {words.tries}
            </Text>
            {delivery.tries.length ? (
              <Table aria-label={words.tries} withRowBorders>
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>{t.common.when}</Table.Th>
                    <Table.Th>{words.answer}</Table.Th>
                    <Table.Th ta="right">{words.took}</Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {delivery.tries.map((one) => (
                    <Table.Tr key={one.at}>
                      <Table.Td>
                        <When at={one.at} size="sm" />
                      </Table.Td>
                      <Table.Td>
                        {[one.status, one.fault && words.faults[one.fault]].filter(Boolean).join(' · ')}
                      </Table.Td>
                      <Table.Td ta="right" className="tnum" style={{ whiteSpace: 'nowrap' }}>
                        {words.milliseconds(f.whole(one.milliseconds))}
                      </Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            ) : (
              <Text size="sm" c="dimmed">
                {words.notTried}
              </Text>
            )}
            {delivery.next_try_at && (
              <Text size="sm" c="dimmed" mt={4}>
                {words.nextTry} <When at={delivery.next_try_at} />
              </Text>
            )}
          </div>
          <CommandHints
            hints={[
              { method: 'GET', path },
              { cli: `innkeeper webhook resend ${webhookId} ${deliveryId}`, path: `${path}/resend` },
            ]}
          />
        </Stack>
      )}
    </Answered>
  )
}
