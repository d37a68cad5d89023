import { useCallback } from 'react'
import { isProblem } from '~/api'
import { useI18n } from '~/i18n'

/** What went wrong, in words for people. What the house says is English; its codes are known in other languages. */
export function useProblemText() {
  const { locale, t } = useI18n()
  return useCallback(
    (error: unknown): string => {
      if (!isProblem(error)) return t.common.unreachable
      const known = (t.problems as Record<string, string>)[error.code]
      if (locale !== 'en' && known) return known
      const detail = error.detail || error.title
      return detail.charAt(0).toUpperCase() + detail.slice(1)
    },
    [locale, t],
  )
}

/** Why something cannot be done, in the language in use. */
export function useReason() {
  const { locale, t } = useI18n()
  return useCallback(
    (one: { possible: boolean; code?: string | null; reason?: string | null } | undefined): string | undefined => {
      if (!one || one.possible) return undefined
      const known = one.code ? (t.problems as Record<string, string>)[one.code] : undefined
      if (locale !== 'en' && known) return known
      const reason = one.reason ?? one.code ?? '–'
      return reason.charAt(0).toUpperCase() + reason.slice(1)
    },
    [locale, t],
  )
}

type Form = { values: object; setFieldError: (field: string, text: string) => void }

/** Puts what the house refused beside its field; whether there was such a field. */
export function atField(form: Form, error: unknown, text: string): boolean {
  if (!isProblem(error) || !error.field) return false
  const field = error.field.split(/[.[]/)[0] ?? ''
  if (!(field in form.values)) return false
  form.setFieldError(field, error.remedy ? `${text}. ${error.remedy}` : text)
  return true
}
