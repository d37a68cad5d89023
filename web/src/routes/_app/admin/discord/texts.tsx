import { ActionIcon, Badge, Box, Card, Code, Group, SimpleGrid, Stack, Switch, Text } from '@mantine/core'
import { modals } from '@mantine/modals'
import { IconMessage2, IconPencil } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import * as v from 'valibot'
import { type DiscordText, getDiscordTextsOptions } from '~/api'
import { CommandHints } from '~/components/CommandHints'
import { Section } from '~/components/Section'
import { Answered, Nothing } from '~/components/states'
import { SearchField } from '~/features/admin/Filter'
import { Preview } from '~/features/discord/Preview'
import { TextDialog } from '~/features/discord/TextDialog'
import { useT } from '~/i18n'
import { searched } from '~/lib/search'

export const Route = createFileRoute('/_app/admin/discord/texts')({
  validateSearch: v.object({ q: v.optional(searched), changed: v.optional(v.boolean()) }),
  component: Texts,
})

type Kind = keyof ReturnType<typeof useT>['discord']['textGroups']
/** Where a text belongs, by what stands before the dot of its key. */
const groupOf: Record<string, Kind> = {
  report: 'reports',
  link: 'link',
  help: 'help',
  which: 'asking',
  ask: 'asking',
  button: 'asking',
  confirm: 'asking',
  doing: 'doing',
  done: 'doing',
  now: 'doing',
  already: 'doing',
  step: 'doing',
  longer: 'doing',
  failed: 'no',
  refused: 'no',
  forbidden: 'no',
  elsewhere: 'no',
  unavailable: 'no',
  refrain: 'no',
  error: 'no',
  why: 'why',
  alert: 'alerts',
}
const isChanged = (one: DiscordText) => one.own_en != null || one.own_fr != null

function Texts() {
  const t = useT()
  const words = t.discord
  const { q, changed } = Route.useSearch()
  const navigate = Route.useNavigate()
  const query = useQuery(getDiscordTextsOptions())
  const fits = (one: DiscordText) => {
    if (changed && !isChanged(one)) return false
    const said = [one.key, one.en, one.fr, one.own_en, one.own_fr].join('\n').toLowerCase()
    return !q || said.includes(q.toLowerCase())
  }
  return (
    <Stack>
      <Group gap="md">
        <SearchField
          label={words.searchTexts}
          value={q}
          onChange={(next) => void navigate({ search: (now) => ({ ...now, q: next }), replace: true })}
        />
        <Switch
          label={words.onlyChanged}
          checked={changed ?? false}
          onChange={(event) => {
            const on = event.currentTarget.checked || undefined
            void navigate({ search: (now) => ({ ...now, changed: on }), replace: true })
          }}
        />
        {query.data?.some(isChanged) && (
          <Text size="sm" c="dimmed">
            {words.changedCount(query.data.filter(isChanged).length)}
          </Text>
        )}
      </Group>
      <Text size="sm" c="dimmed">
        {words.textsAbout}
      </Text>
      <Answered query={query} lines={10}>
        {(texts) => {
          const shown = texts.filter(fits)
          if (!shown.length)
            return (
              <Card padding={0}>
                <Nothing
                  icon={IconMessage2}
                  title={t.common.nothingMatches}
                  unfilter={() => void navigate({ search: {} })}
                />
              </Card>
            )
          return (Object.keys(words.textGroups) as Kind[]).map((group) => {
            const own = shown.filter((one) => (groupOf[one.key.split('.')[0] ?? ''] ?? 'house') === group)
            return own.length ? (
              <Section key={group} title={words.textGroups[group]}>
                {own.map((one) => (
                  <TextLine key={one.key} one={one} />
                ))}
              </Section>
            ) : null
          })
        }}
      </Answered>
      <CommandHints hints={[{ cli: 'innkeeper discord texts', method: 'GET', path: '/api/v1/discord/texts' }]} />
    </Stack>
  )
}

function TextLine({ one }: { one: DiscordText }) {
  const words = useT().discord
  return (
    <Box py="sm" className="line">
      <Group justify="space-between" wrap="nowrap" mb={6}>
        <Group gap="xs">
          <Code>{one.key}</Code>
          {isChanged(one) && <Badge variant="light">{words.changed}</Badge>}
        </Group>
        <ActionIcon
          variant="subtle"
          color="gray"
          aria-label={words.editText(one.key)}
          onClick={() => modals.open({ title: one.key, size: 'xl', children: <TextDialog text={one} /> })}
        >
          <IconPencil size={17} />
        </ActionIcon>
      </Group>
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="sm">
        <Preview of={one.key} text={one.own_en ?? one.en} language="en" />
        <Preview of={one.key} text={one.own_fr ?? one.fr} language="fr" />
      </SimpleGrid>
    </Box>
  )
}
