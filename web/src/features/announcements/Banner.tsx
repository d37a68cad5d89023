import { Alert } from '@mantine/core'
import { IconAlertTriangle, IconSpeakerphone, IconUrgent } from '@tabler/icons-react'
import type { AnnouncementLevel } from '~/api'
import { type Locale, useT } from '~/i18n'
import classes from './Banner.module.css'

type Told = { level: AnnouncementLevel; text_en?: string | null; text_fr?: string | null }

const looks = {
  info: { color: 'indigo', Icon: IconSpeakerphone, role: 'status' },
  warning: { color: 'yellow', Icon: IconAlertTriangle, role: 'status' },
  critical: { color: 'red', Icon: IconUrgent, role: 'alert' },
} as const

/** What is said in a language; what was not written in it is said in the other, which is named. */
export function inWords({ text_en: en, text_fr: fr }: Told, locale: Locale): { text: string; lang: Locale } {
  const own = locale === 'fr' ? fr : en
  return own ? { text: own, lang: locale } : { text: fr ?? en ?? '', lang: fr ? 'fr' : 'en' }
}

/** An announcement as everybody sees it. A preview interrupts nobody. */
export function Banner({
  told,
  locale,
  preview,
  onAway,
}: {
  told: Told
  locale: Locale
  preview?: boolean
  onAway?: () => void
}) {
  const t = useT()
  const { color, Icon, role } = looks[told.level]
  const { text, lang } = inWords(told, locale)
  return (
    <Alert
      color={color}
      className="notice"
      icon={<Icon aria-hidden />}
      role={preview ? 'presentation' : role}
      withCloseButton={!!onAway}
      closeButtonLabel={t.announcements.putAway}
      onClose={onAway}
    >
      <span lang={lang} className={classes.text}>
        {text}
      </span>
    </Alert>
  )
}
