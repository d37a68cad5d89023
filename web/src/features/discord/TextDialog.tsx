import { Badge, Button, Code, Group, SimpleGrid, Stack, Text, Textarea } from '@mantine/core'
import { modals } from '@mantine/modals'
import { notifications } from '@mantine/notifications'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { type DiscordSettings, type DiscordText, getDiscordSettingsOptions, type Language, refetch } from '~/api'
import { DialogForm } from '~/components/DialogForm'
import { useT } from '~/i18n'
import { Preview } from './Preview'
import { wrong } from './pieces'
import { changeSettings } from './settings'

type Own = Record<Language, string>

/** The settings with these texts in place of ours. */
const withText = (now: DiscordSettings, key: string, own: Own): DiscordSettings => ({
  ...now,
  texts: [
    ...(now.texts ?? []).filter((one) => one.key !== key),
    ...(['en', 'fr'] as const)
      .filter((language) => own[language].trim())
      .map((language) => ({ key, language, text: own[language] })),
  ],
})

/** Another text in place of ours, in both languages; nothing in a field means ours. */
export function TextDialog({ text }: { text: DiscordText }) {
  const t = useT()
  const words = t.discord
  const { data: set } = useQuery(getDiscordSettingsOptions())
  const [own, setOwn] = useState<Own>({ en: text.own_en ?? '', fr: text.own_fr ?? '' })
  const faults = { en: fault(own.en), fr: fault(own.fr) }
  function fault(typed: string) {
    const found = wrong(typed, text.places)
    if (!found) return undefined
    if (found === 'lonely') return words.lonelyBrace
    return found === 'long' ? words.tooLong : words.unknownPlace(found.place)
  }
  const put = async (next: Own) => {
    await changeSettings((now) => withText(now, text.key, next))
    await refetch('getDiscordTexts', 'getDiscordSettings')
    modals.closeAll()
    const back = !next.en.trim() && !next.fr.trim()
    notifications.show({ color: 'teal', message: back ? words.textBack : words.textSaved })
  }
  return (
    <DialogForm
      label={t.common.save}
      submit={() => !faults.en && !faults.fr && put(own)}
      hints={[
        { cli: 'innkeeper discord settings show > discord.json', method: 'GET', path: '/api/v1/discord/settings' },
        {
          cli: 'innkeeper discord settings set discord.json',
          method: 'PUT',
          path: '/api/v1/discord/settings',
          ...(set ? { body: withText(set, text.key, own) } : {}),
        },
      ]}
    >
      <Group gap={6}>
        <Text size="sm" c="dimmed">
          {text.places.length ? words.places : words.placesNone}
        </Text>
        {text.places.map((place) => (
          <Code key={place}>{`{${place}}`}</Code>
        ))}
      </Group>
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg">
        {(['en', 'fr'] as const).map((language) => (
          <Stack key={language} gap="xs">
            <Textarea
              label={t.account.languages[language]}
              description={words.emptyIsOurs}
              placeholder={text[language]}
              autosize
              minRows={3}
              maxRows={10}
              lang={language}
              spellCheck
              value={own[language]}
              onChange={(event) => setOwn({ ...own, [language]: event.currentTarget.value })}
              error={faults[language]}
            />
            <Group justify="space-between" mih={26}>
              <Text size="xs" c="dimmed">
                {words.preview}
              </Text>
              {own[language].trim() ? (
                <Button size="compact-xs" variant="subtle" onClick={() => setOwn({ ...own, [language]: '' })}>
                  {words.toOurs}
                </Button>
              ) : (
                <Badge variant="light" color="gray" size="sm">
                  {words.ours}
                </Badge>
              )}
            </Group>
            <Preview of={text.key} text={own[language].trim() ? own[language] : text[language]} language={language} />
            {own[language].trim() && (
              <Text size="xs" c="dimmed" lang={language} style={{ overflowWrap: 'anywhere' }}>
                {words.oursIs(text[language])}
              </Text>
            )}
          </Stack>
        ))}
      </SimpleGrid>
    </DialogForm>
  )
}
