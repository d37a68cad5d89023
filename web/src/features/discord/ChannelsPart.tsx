import { Button, Divider, Select, SimpleGrid, TagsInput, Text, TextInput, Title } from '@mantine/core'
import type { UseFormReturnType } from '@mantine/form'
import { IconPlus } from '@tabler/icons-react'
import { Section } from '~/components/Section'
import { useT } from '~/i18n'
import { FormLine } from './FormLine'
import { type Draft, lineKey } from './settings'

/** Where the bot listens, and where it keeps a live message. */
export function ChannelsPart({ form }: { form: UseFormReturnType<Draft> }) {
  const t = useT()
  const words = t.discord
  return (
    <Section title={words.channels} about={words.channelsAbout}>
      <TagsInput
        label={words.commandChannels}
        description={words.commandChannelsAbout}
        placeholder={words.channelHint}
        inputMode="numeric"
        splitChars={[',', ' ', ';']}
        acceptValueOnBlur
        clearable
        clearButtonProps={{ 'aria-label': t.common.remove }}
        {...form.getInputProps('command_channels')}
      />
      <Divider my="md" />
      <Title order={3} size="h6">
        {words.boards}
      </Title>
      <Text size="sm" c="dimmed" mb="xs">
        {form.values.boards.length ? words.boardsAbout : `${words.boardsAbout} ${words.boardsNone}`}
      </Text>
      {form.values.boards.map((one, n) => (
        <FormLine key={one.key} name={one.channel} onRemove={() => form.removeListItem('boards', n)}>
          <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="xs">
            <TextInput
              label={words.channel}
              inputMode="numeric"
              placeholder="300000000000000004"
              className="mono-input"
              {...form.getInputProps(`boards.${n}.channel`)}
            />
            <Select
              label={words.language}
              allowDeselect={false}
              data={(['en', 'fr'] as const).map((value) => ({ value, label: t.account.languages[value] }))}
              {...form.getInputProps(`boards.${n}.language`)}
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
        onClick={() => form.insertListItem('boards', { key: lineKey(), channel: '', language: form.values.language })}
      >
        {words.addBoard}
      </Button>
    </Section>
  )
}
