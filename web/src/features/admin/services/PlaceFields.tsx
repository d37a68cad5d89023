import { NumberInput, SegmentedControl, Select, SimpleGrid, Stack, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Section } from '~/components/Section'
import { allHosts } from '~/features/hosts/queries'
import { allInstances } from '~/features/instances/queries'
import { useT } from '~/i18n'
import type { Form } from './ServiceFields'
import { usualPort } from './settings'

const kinds = ['minecraft_java', 'minecraft_bedrock', 'tcp', 'http'] as const
const places = ['instance', 'guest', 'host'] as const

/** What a service is and where it runs, which is said once. */
export function PlaceFields({ form }: { form: Form }) {
  const t = useT()
  const words = t.admin.services
  const { data: instances } = useQuery(allInstances())
  const { data: hosts } = useQuery(allHosts())
  const { place } = form.values
  return (
    <>
      <Section title={words.what}>
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <TextInput label={t.common.name} placeholder="survival" autoComplete="off" {...form.getInputProps('name')} />
          <Select
            label={t.services.kind}
            allowDeselect={false}
            data={kinds.map((value) => ({ value, label: t.services.kinds[value] }))}
            {...form.getInputProps('kind')}
            onChange={(next) => {
              const kind = next as (typeof kinds)[number]
              form.setFieldValue('kind', kind)
              form.setFieldValue('port', usualPort[kind] ?? (kind === 'http' ? 80 : ''))
            }}
          />
        </SimpleGrid>
      </Section>
      <Section title={words.place}>
        <Stack>
          <SegmentedControl
            className="scrolls"
            aria-label={words.place}
            data={places.map((value) => ({ value, label: words.places[value] }))}
            {...form.getInputProps('place')}
          />
          {place === 'instance' ? (
            <Select
              searchable
              label={words.instance}
              data={
                instances
                  ?.filter((one) => one.state !== 'deleted')
                  .map((one) => ({ value: one.id, label: one.name })) ?? []
              }
              {...form.getInputProps('instance')}
            />
          ) : (
            <SimpleGrid cols={{ base: 1, sm: 2 }}>
              <Select
                label={words.host}
                description={hosts?.length === 0 ? words.noHost : undefined}
                data={hosts?.map((one) => ({ value: one.id, label: one.name })) ?? []}
                {...form.getInputProps('host')}
              />
              {place === 'guest' && (
                <NumberInput label={words.vmid} min={100} placeholder="105" {...form.getInputProps('vmid')} />
              )}
            </SimpleGrid>
          )}
        </Stack>
      </Section>
    </>
  )
}
