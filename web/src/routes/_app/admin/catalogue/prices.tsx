import { Group, NumberInput, SimpleGrid, Stack, Table, Text } from '@mantine/core'
import { useForm } from '@mantine/form'
import { modals } from '@mantine/modals'
import { IconCoin } from '@tabler/icons-react'
import { createFileRoute } from '@tanstack/react-router'
import { type PriceList, refetch, type UnitPrices } from '~/api'
import { createPriceList, listPriceLists } from '~/api/gen/sdk.gen'
import { usePages } from '~/api/pages'
import { CanButton } from '~/components/Can'
import { DialogForm } from '~/components/DialogForm'
import { Section } from '~/components/Section'
import { Failed, Lines, Nothing } from '~/components/states'
import { When } from '~/components/When'
import { useUserNames } from '~/features/admin/names'
import { useT } from '~/i18n'
import { MICROS, useFormat } from '~/lib/format'
import { useIsAdmin } from '~/lib/me'

export const Route = createFileRoute('/_app/admin/catalogue/prices')({ component: Prices })

const parts = ['core_micros', 'memory_gib_micros', 'disk_gib_micros'] as const
type Part = (typeof parts)[number]

function Prices() {
  const t = useT()
  const words = t.admin.catalogue
  const admin = useIsAdmin()
  const people = useUserNames()
  const list = usePages('listPriceLists', undefined, (asked, signal) => listPriceLists({ query: asked, signal }))
  const [now, ...before] = list.items ?? []
  if (list.error) return <Failed error={list.error} onRetry={() => void list.refetch()} />
  if (!list.items) return <Lines />
  return (
    <Stack>
      <Section
        title={words.pricesNow}
        about={words.pricesAbout}
        action={
          <CanButton
            why={admin ? undefined : t.admin.adminsOnly}
            onClick={() =>
              modals.open({
                title: words.newPrices,
                children: <PricesDialog now={now} onDone={() => modals.closeAll()} />,
              })
            }
          >
            {words.newPrices}
          </CanButton>
        }
      >
        {now ? <Units list={now} /> : <Nothing icon={IconCoin} title={t.templates.noPrices} />}
      </Section>
      {before.length > 0 && (
        <Section title={words.pricesBefore} about={words.pricesBeforeAbout}>
          {before.map((one) => (
            <Group key={one.id} justify="space-between" className="line" py={10} gap="xs">
              <Text size="sm">
                <When at={one.created_at} />
                <Text span c="dimmed" size="sm">
                  {one.created_by && ` · ${people.get(one.created_by) ?? ''}`}
                </Text>
              </Text>
              <Text size="sm" c="dimmed" className="tnum">
                <Brief unit={one.running} />
              </Text>
            </Group>
          ))}
        </Section>
      )}
    </Stack>
  )
}

function Brief({ unit }: { unit: UnitPrices }) {
  const f = useFormat()
  return <>{parts.map((part) => f.fine(unit[part])).join(' / ')}</>
}

const useNames = (): Record<Part, string> => {
  const t = useT()
  return { core_micros: t.templates.core, memory_gib_micros: t.templates.memory, disk_gib_micros: t.templates.disk }
}

function Units({ list }: { list: PriceList }) {
  const t = useT()
  const f = useFormat()
  const names = useNames()
  return (
    <Table maw={560} aria-label={t.admin.catalogue.pricesNow}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t.admin.catalogue.part}</Table.Th>
          <Table.Th ta="right">{t.templates.whileRunning}</Table.Th>
          <Table.Th ta="right">{t.templates.whileStopped}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {parts.map((part) => (
          <Table.Tr key={part}>
            <Table.Th fw={400}>{names[part]}</Table.Th>
            <Table.Td ta="right" className="tnum">
              {f.fine(list.running[part])}
            </Table.Td>
            <Table.Td ta="right" className="tnum">
              {f.fine(list.stopped[part])}
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  )
}

function PricesDialog({ now, onDone }: { now: PriceList | undefined; onDone: () => void }) {
  const t = useT()
  const words = t.admin.catalogue
  const names = useNames()
  const credits = (unit: UnitPrices | undefined) =>
    Object.fromEntries(parts.map((part) => [part, (unit?.[part] ?? 0) / MICROS])) as Record<Part, number | string>
  const form = useForm({ initialValues: { running: credits(now?.running), stopped: credits(now?.stopped) } })
  const micros = (given: Record<Part, number | string>) =>
    Object.fromEntries(parts.map((part) => [part, Math.round(Number(given[part]) * MICROS)])) as UnitPrices
  const { running, stopped } = form.values
  const body = { running: micros(running), stopped: micros(stopped) }
  return (
    <DialogForm
      about={words.newPricesAbout}
      label={words.newPrices}
      onCancel={onDone}
      hints={[
        {
          cli: `innkeeper prices set --core ${running.core_micros} --memory-gib ${running.memory_gib_micros} --disk-gib ${running.disk_gib_micros} \\\n  --stopped-core ${stopped.core_micros} --stopped-memory-gib ${stopped.memory_gib_micros} --stopped-disk-gib ${stopped.disk_gib_micros}`,
          path: '/api/v1/price-lists',
          body,
        },
      ]}
      submit={() =>
        createPriceList({ body }).then(() => {
          void refetch('listPriceLists', 'estimatePrice')
          onDone()
        })
      }
    >
      {(['running', 'stopped'] as const).map((when) => (
        <fieldset key={when} style={{ border: 0, margin: 0, padding: 0 }}>
          <legend style={{ padding: 0, fontSize: 'var(--mantine-font-size-sm)', fontWeight: 600, marginBottom: 4 }}>
            {when === 'running' ? t.templates.whileRunning : t.templates.whileStopped}
          </legend>
          <SimpleGrid cols={3} spacing="xs">
            {parts.map((part) => (
              <NumberInput
                key={part}
                size="xs"
                label={names[part]}
                min={0}
                step={0.001}
                decimalScale={6}
                {...form.getInputProps(`${when}.${part}`)}
              />
            ))}
          </SimpleGrid>
        </fieldset>
      ))}
    </DialogForm>
  )
}
