import { Button, Stack } from '@mantine/core'
import { useLocalStorage } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { listShownAnnouncementsOptions, type ShownAnnouncement } from '~/api'
import { useI18n, useT } from '~/i18n'
import { useMe } from '~/lib/me'
import { Banner } from './Banner'

/** An event tells of what somebody has done; none tells that the time of an announcement has come, or is over. */
const LOOK_MS = 45_000

/** So many leave room for the page; what is critical is always shown. */
const AT_ONCE = 3

/** Written anew, it is another one, which nobody has put away. */
const nameOf = (one: ShownAnnouncement) => `${one.id}/${one.revision}`

/** What the house tells everybody, above every page. What is not critical can be put away, by each person in each browser. */
export function Announcements() {
  const t = useT()
  const { locale } = useI18n()
  const { user } = useMe()
  const { data } = useQuery({ ...listShownAnnouncementsOptions(), refetchInterval: LOOK_MS })
  const [away, setAway] = useLocalStorage<string[]>({
    key: `announcements-away-${user.id}`,
    defaultValue: [],
    getInitialValueInEffect: false,
  })
  const [all, setAll] = useState(false)
  const shown = data?.filter((one) => one.level === 'critical' || !away.includes(nameOf(one)))
  if (!shown?.length) return null
  const open = shown.filter((one, n) => all || n < AT_ONCE || one.level === 'critical')
  const folded = shown.length - open.length
  const putAway = (one: ShownAnnouncement) => {
    // What is no longer shown need not be remembered.
    const still = data?.map(nameOf).filter((name) => away.includes(name)) ?? []
    setAway([...still, nameOf(one)])
  }
  return (
    <Stack gap="xs" mb="md">
      {open.map((one) => (
        <Banner
          key={nameOf(one)}
          told={one}
          locale={locale}
          onAway={one.level === 'critical' ? undefined : () => putAway(one)}
        />
      ))}
      {folded > 0 && (
        <Button variant="subtle" size="compact-sm" onClick={() => setAll(true)} style={{ alignSelf: 'flex-start' }}>
          {t.announcements.more(folded)}
        </Button>
      )}
    </Stack>
  )
}
