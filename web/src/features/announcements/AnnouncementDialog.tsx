import { Group, Input, SegmentedControl, Stack, Text, Textarea, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import type { Announcement, AnnouncementLevel } from '~/api'
import { refetch } from '~/api'
import { changeAnnouncement, createAnnouncement } from '~/api/gen/sdk.gen'
import { DialogForm } from '~/components/DialogForm'
import { locales, useT } from '~/i18n'
import { atField } from '~/lib/problems'
import { shellWord } from '~/lib/words'
import { Banner } from './Banner'

export const levels: AnnouncementLevel[] = ['info', 'warning', 'critical']

/** A time as a field of a form takes it: that of the clock on the wall, to the minute. */
function onTheWall(at: string | null | undefined): string {
  if (!at) return ''
  const time = new Date(at)
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}

const moment = (typed: string) => (typed ? new Date(typed).toISOString() : null)

export const staleAnnouncements = () => void refetch('listAnnouncements', 'listShownAnnouncements')

/** Writes an announcement, or writes one anew, and shows what people will see in each language. */
export function AnnouncementDialog({ one, onDone }: { one?: Announcement; onDone: () => void }) {
  const t = useT()
  const words = t.announcements
  const first = {
    level: one?.level ?? ('info' as AnnouncementLevel),
    text_en: one?.text_en ?? '',
    text_fr: one?.text_fr ?? '',
    from: onTheWall(one?.from),
    until: onTheWall(one?.until),
  }
  const form = useForm({
    initialValues: first,
    validate: {
      text_en: (en, { text_fr }) => (en.trim() || text_fr.trim() ? null : words.oneOfThem),
      from: (from) => (one && !from ? t.common.required : null),
    },
  })
  const { level, text_en, text_fr, from, until } = form.values
  const said = {
    level,
    text_en: text_en.trim() || null,
    text_fr: text_fr.trim() || null,
    from: moment(from) ?? undefined,
    until: moment(until),
  }
  // What was not touched stays to the second.
  const touched = Object.fromEntries(
    Object.entries(said).filter(
      ([name]) => form.values[name as keyof typeof first] !== first[name as keyof typeof first],
    ),
  )
  const option = (name: string, value: string | null | undefined, none: string) =>
    value === undefined ? '' : ` --${name} ${value === null ? none : shellWord(value)}`
  const options = (body: Partial<typeof said>) =>
    option('level', body.level, '') +
    option('en', body.text_en, "''") +
    option('fr', body.text_fr, "''") +
    option('from', body.from, '') +
    option('until', body.until, 'ended')
  const made = Object.fromEntries(Object.entries(said).filter(([, value]) => value)) as typeof said
  return (
    <DialogForm
      about={words.about}
      label={one ? t.common.save : words.make}
      onCancel={onDone}
      hints={[
        one
          ? {
              cli: `innkeeper announcement change ${one.id}${options(touched)}`,
              method: 'PATCH',
              path: `/api/v1/announcements/${one.id}`,
              body: touched,
            }
          : { cli: `innkeeper announcement make${options(made)}`, path: '/api/v1/announcements', body: made },
      ]}
      onRefused={(error, text) => atField(form, error, text)}
      submit={() => {
        if (form.validate().hasErrors) return false
        const sent = one
          ? changeAnnouncement({ path: { id: one.id }, body: touched })
          : createAnnouncement({ body: made })
        return sent.then(() => {
          staleAnnouncements()
          onDone()
        })
      }}
    >
      <Input.Wrapper
        label={words.level}
        labelElement="div"
        description={words.levelHints[level]}
        inputWrapperOrder={['label', 'input', 'description']}
      >
        <SegmentedControl
          mb={6}
          fullWidth
          aria-label={words.level}
          data={levels.map((value) => ({ value, label: words.levels[value] }))}
          {...form.getInputProps('level')}
        />
      </Input.Wrapper>
      {locales.map((locale) => (
        <Textarea
          key={locale}
          data-autofocus={locale === 'en' || undefined}
          label={words.inLanguage[locale]}
          autosize
          minRows={2}
          maxRows={8}
          maxLength={1000}
          {...form.getInputProps(`text_${locale}`)}
        />
      ))}
      <Group grow align="flex-start">
        <TextInput
          type="datetime-local"
          label={one ? words.from : `${words.from} (${t.common.optional})`}
          description={one ? undefined : words.fromHint}
          inputWrapperOrder={['label', 'input', 'description', 'error']}
          {...form.getInputProps('from')}
        />
        <TextInput
          type="datetime-local"
          label={`${words.until} (${t.common.optional})`}
          description={words.untilHint}
          inputWrapperOrder={['label', 'input', 'description', 'error']}
          {...form.getInputProps('until')}
        />
      </Group>
      {(said.text_en || said.text_fr) && (
        <Stack gap="xs" component="section" aria-label={words.preview}>
          <Text size="sm" fw={500}>
            {words.preview}
          </Text>
          {locales.map((locale) => (
            <div key={locale}>
              <Text size="xs" c="dimmed" mb={4}>
                {words.seenIn[locale]}
              </Text>
              <Banner told={said} locale={locale} preview />
            </div>
          ))}
        </Stack>
      )}
    </DialogForm>
  )
}
