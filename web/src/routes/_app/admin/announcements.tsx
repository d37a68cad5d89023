import { Group, Text } from '@mantine/core'
import { modals } from '@mantine/modals'
import { IconClockStop, IconPencil, IconPlus, IconSpeakerphone, IconTrash } from '@tabler/icons-react'
import { createFileRoute } from '@tanstack/react-router'
import type { Announcement, AnnouncementLevel, AnnouncementState } from '~/api'
import { deleteAnnouncement, endAnnouncement, listAnnouncements } from '~/api/gen/sdk.gen'
import { usePages } from '~/api/pages'
import { CanButton } from '~/components/Can'
import { CommandHints } from '~/components/CommandHints'
import { confirm } from '~/components/confirm'
import { PageHeader } from '~/components/PageHeader'
import { ResourceTable } from '~/components/ResourceTable'
import { Badge, type Tone } from '~/components/StatusBadge'
import { Nothing } from '~/components/states'
import { When } from '~/components/When'
import { useUserNames } from '~/features/admin/names'
import { RowActions } from '~/features/admin/RowActions'
import { AnnouncementDialog, staleAnnouncements } from '~/features/announcements/AnnouncementDialog'
import { inWords } from '~/features/announcements/Banner'
import { useI18n } from '~/i18n'

export const Route = createFileRoute('/_app/admin/announcements')({ component: AllAnnouncements })

/** An event tells of what somebody has done; what begins and ends by itself is asked for. */
const LOOK_MS = 45_000

const levelTones: Record<AnnouncementLevel, Tone> = { info: 'busy', warning: 'warn', critical: 'bad' }
const stateTones: Record<AnnouncementState, Tone> = { planned: 'odd', shown: 'good', over: 'quiet' }

function AllAnnouncements() {
  const { t, locale } = useI18n()
  const words = t.announcements
  const names = useUserNames()
  const list = usePages(
    'listAnnouncements',
    undefined,
    (asked, signal) => listAnnouncements({ query: asked, signal }),
    {
      every: LOOK_MS,
    },
  )
  const write = (one?: Announcement) =>
    modals.open({
      title: one ? words.change : words.make,
      size: 'lg',
      children: <AnnouncementDialog one={one} onDone={() => modals.closeAll()} />,
    })
  const make = (
    <CanButton leftSection={<IconPlus size={16} aria-hidden />} onClick={() => write()}>
      {words.make}
    </CanButton>
  )
  const state = (one: Announcement) => <Badge tone={stateTones[one.state]}>{words.states[one.state]}</Badge>
  const level = (one: Announcement) => <Badge tone={levelTones[one.level]}>{words.levels[one.level]}</Badge>
  const said = (one: Announcement) => {
    const { text, lang } = inWords(one, locale)
    return (
      <Text size="sm" lang={lang} lineClamp={2} style={{ overflowWrap: 'anywhere' }}>
        {text}
      </Text>
    )
  }
  const spoken = (one: Announcement) =>
    one.text_en && one.text_fr ? words.both : one.text_fr ? words.only.fr : words.only.en
  const by = (one: Announcement) => (one.created_by ? (names.get(one.created_by) ?? '–') : t.common.house)
  const until = (one: Announcement) =>
    one.until ? <When at={one.until} size="sm" /> : <Text size="sm">{words.openEnd}</Text>
  const menu = (one: Announcement) => {
    const url = `/api/v1/announcements/${one.id}`
    return (
      <RowActions
        name={inWords(one, locale).text.slice(0, 40)}
        deeds={[
          { id: 'change', label: words.change, icon: IconPencil, run: () => write(one) },
          {
            id: 'end',
            label: words.end,
            icon: IconClockStop,
            why: one.state === 'shown' ? undefined : one.state === 'over' ? words.isOver : words.isPlanned,
            run: () =>
              confirm({
                title: words.endTitle,
                body: words.endBody,
                label: words.end,
                danger: false,
                extra: <CommandHints hints={[{ cli: `innkeeper announcement end ${one.id}`, path: `${url}/end` }]} />,
                act: () => endAnnouncement({ path: { id: one.id } }).then(staleAnnouncements),
              }),
          },
          {
            id: 'delete',
            label: t.common.delete,
            icon: IconTrash,
            danger: true,
            run: () =>
              confirm({
                title: words.deleteTitle,
                body: words.deleteBody,
                label: t.common.delete,
                extra: (
                  <CommandHints
                    hints={[{ cli: `innkeeper announcement delete ${one.id}`, method: 'DELETE', path: url }]}
                  />
                ),
                act: () => deleteAnnouncement({ path: { id: one.id } }).then(staleAnnouncements),
              }),
          },
        ]}
      />
    )
  }
  return (
    <>
      <PageHeader title={words.title} sub={words.sub}>
        {make}
      </PageHeader>
      <ResourceTable
        label={words.title}
        {...list.table}
        id={(one) => one.id}
        columns={[
          {
            key: 'text',
            title: words.text,
            render: (one) => (
              <>
                {said(one)}
                <Text size="xs" c="dimmed">
                  {spoken(one)}
                </Text>
              </>
            ),
          },
          { key: 'state', title: t.common.state, width: 120, render: state },
          { key: 'level', title: words.level, width: 120, render: level },
          { key: 'from', title: words.from, from: 'md', width: 130, render: (one) => <When at={one.from} size="sm" /> },
          { key: 'until', title: words.until, from: 'md', width: 130, render: until },
          {
            key: 'by',
            title: words.by,
            from: 'lg',
            width: 150,
            render: (one) => (
              <Text size="sm" truncate>
                {by(one)}
              </Text>
            ),
          },
        ]}
        acts={menu}
        card={(one) => (
          <>
            <Group justify="space-between" wrap="nowrap" align="flex-start">
              {said(one)}
              {menu(one)}
            </Group>
            <Group gap="md" mt={6} mb={4}>
              {state(one)}
              {level(one)}
            </Group>
            <Text size="xs" c="dimmed">
              {words.from} <When at={one.from} />
              {one.until && (
                <>
                  {' · '}
                  {words.until} <When at={one.until} />
                </>
              )}
              {` · ${spoken(one)}`}
            </Text>
          </>
        )}
        empty={
          <Nothing icon={IconSpeakerphone} title={words.none} action={make}>
            {words.noneHint}
          </Nothing>
        }
      />
    </>
  )
}
