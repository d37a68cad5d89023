import { Button, MultiSelect, SimpleGrid, Text, TextInput } from '@mantine/core'
import type { UseFormReturnType } from '@mantine/form'
import { IconPlus } from '@tabler/icons-react'
import { Section } from '~/components/Section'
import { useT } from '~/i18n'
import { FormLine } from './FormLine'
import { abilities, type Draft, lineKey } from './settings'

/** What roles may do besides. */
export function RolesPart({ form }: { form: UseFormReturnType<Draft> }) {
  const words = useT().discord
  return (
    <Section title={words.roles} about={words.rolesAbout}>
      {form.values.roles.length === 0 && (
        <Text size="sm" c="dimmed" mb="sm">
          {words.rolesNone}
        </Text>
      )}
      {form.values.roles.map((one, n) => (
        <FormLine key={one.key} name={one.id} onRemove={() => form.removeListItem('roles', n)}>
          <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="xs">
            <TextInput
              label={words.role}
              inputMode="numeric"
              placeholder="600000000000000001"
              className="mono-input"
              {...form.getInputProps(`roles.${n}.id`)}
            />
            <MultiSelect
              label={words.may}
              data={abilities.map((value) => ({ value, label: words.abilities[value] }))}
              comboboxProps={{ withinPortal: true }}
              {...form.getInputProps(`roles.${n}.may`)}
            />
          </SimpleGrid>
        </FormLine>
      ))}
      <Button
        mt="xs"
        size="xs"
        style={{ alignSelf: 'flex-start' }}
        variant="default"
        leftSection={<IconPlus size={14} aria-hidden />}
        onClick={() => form.insertListItem('roles', { key: lineKey(), id: '', may: ['wake'] })}
      >
        {words.addRole}
      </Button>
    </Section>
  )
}
