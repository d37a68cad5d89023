import { Button, Group, Stack, TextInput } from '@mantine/core'
import { IconDownload } from '@tabler/icons-react'
import { createFileRoute } from '@tanstack/react-router'
import { useState } from 'react'
import { exportLedger, exportUsage } from '~/api/gen/sdk.gen'
import { CommandHints } from '~/components/CommandHints'
import { Section } from '~/components/Section'
import { useT } from '~/i18n'
import { useAct } from '~/lib/act'
import { download } from '~/lib/words'

export const Route = createFileRoute('/_app/projects/$id/credits/export')({ component: Export })

const dayBefore = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10)

function Export() {
  const t = useT()
  const words = t.credits
  const { id } = Route.useParams()
  const [from, setFrom] = useState(() => dayBefore(30))
  const [until, setUntil] = useState(() => dayBefore(-1))
  const query = { from: `${from}T00:00:00Z`, until: `${until}T00:00:00Z` }
  const save = useAct(
    (what: 'ledger' | 'usage') =>
      (what === 'ledger' ? exportLedger : exportUsage)({ path: { id }, query, parseAs: 'blob' }),
    {
      done: words.export,
      onDone: (content, what) => download(content as unknown as Blob, `${what}-${from}-${until}.csv`),
    },
  )
  return (
    <Section title={words.export}>
      <Stack>
        <Group align="flex-end" gap="sm">
          <TextInput
            type="date"
            label={words.exportFrom}
            value={from}
            max={until}
            onChange={(event) => setFrom(event.currentTarget.value)}
          />
          <TextInput
            type="date"
            label={words.exportUntil}
            value={until}
            min={from}
            onChange={(event) => setUntil(event.currentTarget.value)}
          />
          <Button
            variant="default"
            leftSection={<IconDownload size={16} aria-hidden />}
            loading={save.isPending && save.variables === 'ledger'}
            onClick={() => save.mutate('ledger')}
          >
            {words.exportLedger}
          </Button>
          <Button
            variant="default"
            leftSection={<IconDownload size={16} aria-hidden />}
            loading={save.isPending && save.variables === 'usage'}
            onClick={() => save.mutate('usage')}
          >
            {words.exportUsage}
          </Button>
        </Group>
        <CommandHints
          hints={[
            {
              cli: 'innkeeper credits export-ledger',
              method: 'GET',
              path: `/api/v1/projects/${id}/ledger.csv?from=${query.from}&until=${query.until}`,
            },
            {
              cli: 'innkeeper credits export-usage',
              method: 'GET',
              path: `/api/v1/projects/${id}/usage.csv?from=${query.from}&until=${query.until}`,
            },
          ]}
        />
      </Stack>
    </Section>
  )
}
