import { Button, Group, Select, SimpleGrid, Text, TextInput } from '@mantine/core'
import type { UseFormReturnType } from '@mantine/form'
import { IconPlus } from '@tabler/icons-react'
import { useMemo } from 'react'
import { Section } from '~/components/Section'
import { useT } from '~/i18n'
import { FormLine } from './FormLine'
import { type Draft, lineKey } from './settings'

const hours = Array.from({ length: 24 }, (_, hour) => ({
  value: String(hour),
  label: `${String(hour).padStart(2, '0')}:00`,
}))

/** Where reports are told, and when. */
export function ReportsPart({ form }: { form: UseFormReturnType<Draft> }) {
  const t = useT()
  const words = t.discord
  const zones = useMemo(() => [...new Set(['UTC', ...Intl.supportedValuesOf('timeZone')])], [])
  const add = () =>
    form.insertListItem('reports', {
      key: lineKey(),
      channel: '',
      period: 'daily',
      hour: 9,
      time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      language: form.values.language,
    } satisfies Draft['reports'][number])
  return (
    <Section title={words.reports} about={words.reportsAbout}>
      {form.values.reports.length === 0 && (
        <Text size="sm" c="dimmed" mb="sm">
          {words.reportsNone}
        </Text>
      )}
      {form.values.reports.map((one, n) => (
        <FormLine key={one.key} name={one.channel} onRemove={() => form.removeListItem('reports', n)}>
          <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="xs">
            <TextInput
              label={words.channel}
              inputMode="numeric"
              placeholder="300000000000000005"
              className="mono-input"
              {...form.getInputProps(`reports.${n}.channel`)}
            />
            <Select
              label={words.language}
              allowDeselect={false}
              data={(['en', 'fr'] as const).map((value) => ({ value, label: t.account.languages[value] }))}
              {...form.getInputProps(`reports.${n}.language`)}
            />
            <Group gap="xs" wrap="nowrap" align="flex-start">
              <Select
                label={words.period}
                allowDeselect={false}
                data={(['daily', 'weekly'] as const).map((value) => ({ value, label: words.periods[value] }))}
                flex={1}
                {...form.getInputProps(`reports.${n}.period`)}
              />
              <Select
                label={words.hour}
                allowDeselect={false}
                data={hours}
                w={92}
                value={String(one.hour)}
                onChange={(hour) => form.setFieldValue(`reports.${n}.hour`, Number(hour))}
              />
            </Group>
            <Select
              label={words.zone}
              allowDeselect={false}
              searchable
              limit={50}
              data={zones.includes(one.time_zone) ? zones : [one.time_zone, ...zones]}
              {...form.getInputProps(`reports.${n}.time_zone`)}
            />
          </SimpleGrid>
        </FormLine>
      ))}
      <Button
        mt="xs"
        style={{ alignSelf: 'flex-start' }}
        size="xs"
        variant="default"
        leftSection={<IconPlus size={14} aria-hidden />}
        onClick={add}
      >
        {words.addReport}
      </Button>
    </Section>
  )
}
