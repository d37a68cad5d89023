import { createContext, type ReactNode, use, useCallback, useEffect, useMemo, useState } from 'react'
import type { Messages } from './en'

export const locales = ['en', 'fr'] as const
export type Locale = (typeof locales)[number]

/** Only the language in use is loaded. */
const loaders: Record<Locale, () => Promise<Messages>> = {
  en: () => import('./en').then((module) => module.en),
  fr: async () => {
    const [{ fr }, { typeset }] = await Promise.all([import('./fr'), import('./french')])
    return typeset(fr)
  },
}

export function preferredLocale(): Locale {
  const saved = localStorage.getItem('locale')
  const wanted = saved ? [saved] : navigator.languages
  const known = wanted.map((one) => one.slice(0, 2)).find((one): one is Locale => locales.includes(one as Locale))
  return known ?? 'en'
}

export const loadMessages = (locale: Locale) => loaders[locale]()

type I18n = { locale: Locale; t: Messages; setLocale: (locale: Locale) => void }
const Context = createContext<I18n | null>(null)

/** Texts of the language in use. `first` was loaded before anything is shown, so that nothing flashes. */
export function I18nProvider({ first, children }: { first: { locale: Locale; t: Messages }; children: ReactNode }) {
  const [now, setNow] = useState(first)
  useEffect(() => {
    document.documentElement.lang = now.locale
  }, [now.locale])
  const setLocale = useCallback((locale: Locale) => {
    localStorage.setItem('locale', locale)
    void loadMessages(locale).then((t) => setNow({ locale, t }))
  }, [])
  // Chosen in another tab, it is chosen in this one.
  useEffect(() => {
    const heard = ({ key, storageArea }: StorageEvent) => {
      if (key !== 'locale' || storageArea !== localStorage) return
      const locale = preferredLocale()
      void loadMessages(locale).then((t) => setNow({ locale, t }))
    }
    addEventListener('storage', heard)
    return () => removeEventListener('storage', heard)
  }, [])
  const value = useMemo(() => ({ ...now, setLocale }), [now, setLocale])
  return <Context value={value}>{children}</Context>
}

export function useI18n(): I18n {
  const value = use(Context)
  if (!value) throw new Error('no texts: put it into an I18nProvider')
  return value
}

export const useT = () => useI18n().t
