import { Button, Code, Drawer, Group, Stack, Text } from '@mantine/core'
import { IconFileInvoice } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import * as v from 'valibot'
import { getInvoiceOptions, type Invoice } from '~/api'
import { getInvoicePdf, listInvoices } from '~/api/gen/sdk.gen'
import { usePages } from '~/api/pages'
import { Credits } from '~/components/Credits'
import { Facts } from '~/components/Facts'
import { LinkAnchor } from '~/components/links'
import { PageHeader } from '~/components/PageHeader'
import { ResourceTable } from '~/components/ResourceTable'
import { Section } from '~/components/Section'
import { Answered, Nothing } from '~/components/states'
import { When } from '~/components/When'
import { useProjectNames } from '~/features/admin/names'
import { useT } from '~/i18n'
import { useAct } from '~/lib/act'
import { useFormat } from '~/lib/format'
import { download } from '~/lib/words'

export const Route = createFileRoute('/_app/admin/invoices')({
  validateSearch: v.object({ invoice: v.optional(v.string()) }),
  component: Invoices,
})

const total = (one: Invoice) => one.usage.reduce((all, use) => all + use.credits_micros, 0)

/** The invoices of all projects. */
function Invoices() {
  const t = useT()
  const f = useFormat()
  const words = t.admin.sales
  const { invoice } = Route.useSearch()
  const navigate = Route.useNavigate()
  const projects = useProjectNames()
  const list = usePages('listInvoices', undefined, (asked, signal) => listInvoices({ query: asked, signal }))
  const open = (id: string | undefined) => void navigate({ search: { invoice: id }, replace: id === undefined })
  const see = (one: Invoice) => (
    <Button size="compact-sm" variant="default" onClick={() => open(one.id)} aria-label={`${words.see}: ${one.number}`}>
      {words.see}
    </Button>
  )
  const project = (one: Invoice) => (
    <LinkAnchor to="/projects/$id/credits/invoices" params={{ id: one.project_id }} size="sm">
      {projects.get(one.project_id) ?? one.project_id.slice(0, 12)}
    </LinkAnchor>
  )
  return (
    <>
      <PageHeader title={t.credits.invoices} sub={words.invoicesSub} />
      <ResourceTable
        label={t.credits.invoices}
        {...list.table}
        id={(one) => one.id}
        columns={[
          {
            key: 'number',
            title: t.credits.number,
            render: (one) => (
              <Text size="sm" fw={550}>
                {one.number}
              </Text>
            ),
          },
          { key: 'project', title: words.project, render: project },
          { key: 'month', title: t.credits.month, render: (one) => <Text size="sm">{f.month(one.month)}</Text> },
          {
            key: 'usage',
            title: t.credits.usage,
            right: true,
            from: 'md',
            render: (one) => (
              <Text size="sm" component="div">
                <Credits micros={total(one)} />
              </Text>
            ),
          },
          {
            key: 'issued',
            title: t.credits.issued,
            from: 'lg',
            render: (one) => <When at={one.issued_at} size="sm" />,
          },
        ]}
        acts={see}
        card={(one) => (
          <>
            <Group justify="space-between" wrap="nowrap">
              <Text fw={600}>{one.number}</Text>
              {see(one)}
            </Group>
            <Text size="sm" c="dimmed">
              {f.month(one.month)}
            </Text>
            {project(one)}
          </>
        )}
        empty={
          <Nothing icon={IconFileInvoice} title={t.credits.invoicesNone}>
            {t.credits.invoicesAbout}
          </Nothing>
        }
      />
      <Drawer
        opened={invoice !== undefined}
        onClose={() => open(undefined)}
        position="right"
        size="md"
        title={words.invoice}
      >
        {invoice && <One id={invoice} />}
      </Drawer>
    </>
  )
}

function One({ id }: { id: string }) {
  const t = useT()
  const f = useFormat()
  const words = t.admin.sales
  const query = useQuery(getInvoiceOptions({ path: { id } }))
  const pdf = useAct((one: Invoice) => getInvoicePdf({ path: { id: one.id }, parseAs: 'blob' }), {
    onDone: (content, one) => download(content as unknown as Blob, `${one.number}.pdf`),
  })
  return (
    <Answered query={query}>
      {(one) => (
        <Stack>
          <Facts
            items={[
              [t.credits.number, <Code key="number">{one.number}</Code>],
              [t.credits.month, f.month(one.month)],
              [t.credits.issued, <When key="issued" at={one.issued_at} />],
              [words.seller, one.seller.join(', ')],
              [words.buyer, one.buyer.join(', ')],
            ]}
          />
          <Section title={t.credits.usage} padding="md">
            {one.usage.length === 0 ? (
              <Text size="sm" c="dimmed">
                {t.common.none}
              </Text>
            ) : (
              one.usage.map((use) => (
                <Group key={use.instance_id} justify="space-between" className="line" py={6}>
                  <Text size="sm">{use.name}</Text>
                  <Text size="sm" component="div">
                    <Credits micros={use.credits_micros} />
                  </Text>
                </Group>
              ))
            )}
          </Section>
          <Section title={words.payments} padding="md">
            {one.money.length === 0 ? (
              <Text size="sm" c="dimmed">
                {t.common.none}
              </Text>
            ) : (
              one.money.map((paid) => (
                <Group key={paid.id} justify="space-between" className="line" py={6}>
                  <Text size="sm">
                    {t.credits.providers[paid.provider]} · <When at={paid.at} />
                  </Text>
                  <Text size="sm" className="tnum">
                    {f.money(paid.amount.minor, paid.amount.currency)}
                  </Text>
                </Group>
              ))
            )}
          </Section>
          <Button variant="default" onClick={() => pdf.mutate(one)} loading={pdf.isPending}>
            {t.credits.pdf}
          </Button>
        </Stack>
      )}
    </Answered>
  )
}
