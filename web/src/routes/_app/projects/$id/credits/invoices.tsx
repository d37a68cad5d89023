import { Button, Group, Text, TextInput } from '@mantine/core'
import { IconFileInvoice } from '@tabler/icons-react'
import { createFileRoute } from '@tanstack/react-router'
import { useState } from 'react'
import type { Invoice } from '~/api'
import { getInvoicePdf, issueInvoice, listProjectInvoices } from '~/api/gen/sdk.gen'
import { usePages } from '~/api/pages'
import { CanButton } from '~/components/Can'
import { CommandHints } from '~/components/CommandHints'
import { ResourceTable } from '~/components/ResourceTable'
import { Section } from '~/components/Section'
import { Nothing } from '~/components/states'
import { When } from '~/components/When'
import { useT } from '~/i18n'
import { useAct } from '~/lib/act'
import { useFormat } from '~/lib/format'
import { useMayChange } from '~/lib/me'
import { download } from '~/lib/words'

export const Route = createFileRoute('/_app/projects/$id/credits/invoices')({ component: Invoices })

function lastMonth() {
  const now = new Date()
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 1, 15)).toISOString().slice(0, 7)
}

function Invoices() {
  const t = useT()
  const f = useFormat()
  const words = t.credits
  const { id } = Route.useParams()
  const mayNot = useMayChange(id)
  const [month, setMonth] = useState(lastMonth)
  const list = usePages('listProjectInvoices', id, (asked, signal) =>
    listProjectInvoices({ path: { id }, query: asked, signal }),
  )
  const issue = useAct(() => issueInvoice({ path: { id }, body: { month } }), {
    stale: ['listProjectInvoices'],
    done: words.issued,
  })
  const pdf = useAct((one: Invoice) => getInvoicePdf({ path: { id: one.id }, parseAs: 'blob' }), {
    onDone: (content, one) => download(content as unknown as Blob, `${one.number}.pdf`),
  })
  const open = (one: Invoice) => (
    <Button
      size="compact-sm"
      variant="default"
      loading={pdf.isPending && pdf.variables?.id === one.id}
      onClick={() => pdf.mutate(one)}
      aria-label={`${words.pdf}: ${one.number}`}
    >
      PDF
    </Button>
  )
  return (
    <Section
      title={words.invoices}
      about={words.invoicesAbout}
      action={
        <Group gap="xs" align="flex-end">
          <TextInput
            type="month"
            aria-label={words.month}
            value={month}
            max={lastMonth()}
            onChange={(event) => setMonth(event.currentTarget.value)}
          />
          <CanButton why={mayNot} loading={issue.isPending} onClick={() => issue.mutate(undefined)}>
            {words.issue}
          </CanButton>
        </Group>
      }
    >
      <ResourceTable
        label={words.invoices}
        {...list.table}
        id={(one) => one.id}
        rowHeight={50}
        columns={[
          {
            key: 'number',
            title: words.number,
            render: (one) => (
              <Text size="sm" fw={550}>
                {one.number}
              </Text>
            ),
          },
          { key: 'month', title: words.month, render: (one) => <Text size="sm">{f.month(one.month)}</Text> },
          { key: 'issued', title: words.issued, render: (one) => <When at={one.issued_at} size="sm" /> },
        ]}
        acts={open}
        card={(one) => (
          <Group justify="space-between">
            <div>
              <Text size="sm" fw={550}>
                {one.number}
              </Text>
              <Text size="xs" c="dimmed">
                {f.month(one.month)}
              </Text>
            </div>
            {open(one)}
          </Group>
        )}
        empty={<Nothing icon={IconFileInvoice} title={words.invoicesNone} />}
      />
      <div style={{ marginTop: 16 }}>
        <CommandHints
          hints={[
            {
              cli: `innkeeper invoice issue --month ${month}`,
              path: `/api/v1/projects/${id}/invoices`,
              body: { month },
            },
          ]}
        />
      </div>
    </Section>
  )
}
