import { Alert, Button, Card, Checkbox, Group, NumberInput, Select, SimpleGrid, Stack, Text } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useState } from 'react'
import type { DiscordSettings } from '~/api'
import { CommandHints } from '~/components/CommandHints'
import { Section } from '~/components/Section'
import { Failed } from '~/components/states'
import { useT } from '~/i18n'
import { useAct } from '~/lib/act'
import { ChannelsPart } from './ChannelsPart'
import { ReportsPart } from './ReportsPart'
import { RolesPart } from './RolesPart'
import { abilities, alertKinds, changeSettings, type Draft, fromDraft, isSnowflake, toDraft } from './settings'

const said = (draft: Draft) => JSON.stringify(fromDraft(draft))

/** What is set for the bot, but for its texts. It is saved as one, as the house takes it. */
export function SettingsForm({ set }: { set: DiscordSettings }) {
  const t = useT()
  const words = t.discord
  const [error, setError] = useState<unknown>()
  const [kept, setKept] = useState(set)
  const once = (list: string[], id: string) =>
    !isSnowflake(id.trim())
      ? words.badId
      : list.filter((one) => one.trim() === id.trim()).length > 1
        ? words.twice
        : null
  const form = useForm<Draft>({
    initialValues: toDraft(set),
    validate: {
      command_channels: (ids) => (ids.every(isSnowflake) ? null : words.badId),
      roles: {
        id: (id, all) =>
          once(
            all.roles.map((one) => one.id),
            id,
          ),
      },
      boards: {
        channel: (id, all) =>
          once(
            all.boards.map((one) => one.channel),
            id,
          ),
      },
      reports: {
        channel: (id, all, path) => {
          const period = all.reports[Number(path.split('.')[1])]?.period
          return once(
            all.reports.filter((one) => one.period === period).map((one) => one.channel),
            id,
          )
        },
      },
    },
  })
  const save = useAct((draft: Draft) => changeSettings((now) => ({ ...now, ...fromDraft(draft) })), {
    quiet: true,
    done: words.saved,
    stale: ['getDiscordSettings'],
    onDone: (now) => {
      setKept(now)
      form.setValues(toDraft(now))
    },
  })
  const dirty = said(form.values) !== said(toDraft(kept))
  const submit = form.onSubmit((draft) => {
    setError(undefined)
    save.mutate(draft, { onError: setError })
  })
  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        <SimpleGrid cols={{ base: 1, lg: 2 }} style={{ alignItems: 'start' }}>
          <Stack>
            <Section title={words.general} about={words.generalAbout}>
              <Stack>
                <Select
                  label={words.language}
                  description={words.languageAbout}
                  allowDeselect={false}
                  data={(['en', 'fr'] as const).map((value) => ({ value, label: t.account.languages[value] }))}
                  {...form.getInputProps('language')}
                />
                <Checkbox.Group label={words.everyone} {...form.getInputProps('everyone')}>
                  <SimpleGrid cols={{ base: 1, sm: 2 }} mt={6} spacing="sm">
                    {abilities.map((one) => (
                      <Checkbox
                        key={one}
                        value={one}
                        label={words.abilities[one]}
                        description={words.abilityHints[one]}
                      />
                    ))}
                  </SimpleGrid>
                </Checkbox.Group>
              </Stack>
            </Section>
            <RolesPart form={form} />
            <Section title={words.bot} about={words.botAbout}>
              <Stack component="ol" gap={6} m={0} pl="lg">
                {words.botSteps.map((step) => (
                  <Text key={step} component="li" size="sm" style={{ overflowWrap: 'anywhere' }}>
                    {step}
                  </Text>
                ))}
              </Stack>
            </Section>
          </Stack>
          <Stack>
            <ChannelsPart form={form} />
            <ReportsPart form={form} />
            <Section title={words.alerts} about={words.alertsAbout}>
              <Stack gap={0}>
                {alertKinds.map((kind) => (
                  <Group key={kind} justify="space-between" wrap="nowrap" py={6} className="line">
                    <Text size="sm">{words.alertKinds[kind]}</Text>
                    <NumberInput
                      w={124}
                      flex="none"
                      size="xs"
                      min={0}
                      max={10_080}
                      allowDecimal={false}
                      placeholder="60"
                      rightSection={
                        <Text size="xs" c="dimmed">
                          {words.minutes}
                        </Text>
                      }
                      rightSectionWidth={38}
                      aria-label={words.minutesFor(words.alertKinds[kind])}
                      {...form.getInputProps(`repeat.${kind}`)}
                    />
                  </Group>
                ))}
              </Stack>
            </Section>
          </Stack>
        </SimpleGrid>
        {error !== undefined && <Failed error={error} />}
        {Object.keys(form.errors).length > 0 && (
          <Alert color="red" role="alert">
            {Object.values(form.errors)[0]}
          </Alert>
        )}
        <Card padding="sm" className="savebar" data-due={dirty || undefined}>
          <Group justify="flex-end" gap="sm">
            <Text size="sm" c="dimmed" flex={{ base: '1 1 100%', xs: 1 }} role="status">
              {dirty ? words.unsaved : words.saveAbout}
            </Text>
            <Button variant="default" disabled={!dirty} onClick={() => form.setValues(toDraft(kept))}>
              {words.undo}
            </Button>
            <Button type="submit" loading={save.isPending} disabled={!dirty}>
              {t.common.save}
            </Button>
          </Group>
        </Card>
        <CommandHints
          hints={[
            { cli: 'innkeeper discord settings show > discord.json', method: 'GET', path: '/api/v1/discord/settings' },
            {
              cli: 'innkeeper discord settings set discord.json',
              method: 'PUT',
              path: '/api/v1/discord/settings',
              body: { ...fromDraft(form.values), texts: kept.texts },
            },
          ]}
        />
      </Stack>
    </form>
  )
}
