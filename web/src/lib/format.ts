import { useI18n } from '~/i18n'

export const MICROS = 1_000_000
const MINUTE = 60
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const steps: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 365 * DAY],
  ['month', 30 * DAY],
  ['day', DAY],
  ['hour', HOUR],
  ['minute', MINUTE],
]

/** Formatters for one language. Credits are integers of a millionth; sizes are MiB, GiB or bytes as the names say. */
export function formats(language: string) {
  const wanted = typeof navigator === 'undefined' ? [] : navigator.languages
  const locale = wanted.find((one) => one.startsWith(language)) ?? language
  const number = (options: Intl.NumberFormatOptions) => new Intl.NumberFormat(locale, options)
  const whole = number({ maximumFractionDigits: 0 })
  const short = number({ maximumFractionDigits: 1 })
  const credits = number({ minimumFractionDigits: 2, maximumFractionDigits: 2 })
  const little = number({ maximumSignificantDigits: 2 })
  const fine = number({ minimumFractionDigits: 2, maximumFractionDigits: 6 })
  const signed = number({ minimumFractionDigits: 2, maximumFractionDigits: 6, signDisplay: 'exceptZero' })
  const time = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(locale, options)
  const day = time({ day: 'numeric', month: 'short' })
  const date = time({ dateStyle: 'medium' })
  const exact = time({ dateStyle: 'long', timeStyle: 'medium' })
  const month = time({ month: 'long', year: 'numeric', timeZone: 'UTC' })
  const clock = time({ hour: '2-digit', minute: '2-digit' })
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' })
  const french = language === 'fr'
  const units = french ? ['o', 'Kio', 'Mio', 'Gio', 'Tio', 'Pio'] : ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']
  const length = (value: number, unit: string) =>
    number({ style: 'unit', unit, unitDisplay: 'long', maximumFractionDigits: 0 }).format(value)

  const bytes = (value: number) => {
    const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, value)) / 10)))
    return `${short.format(value / 1024 ** power)} ${units[power]}`
  }
  return {
    locale,
    num: (value: number) => short.format(value),
    whole: (value: number) => whole.format(value),
    percent: (share: number) => `${short.format(share * 100)} %`,
    /** An amount of credits, rounded to hundredths; less than a hundredth is not nothing. */
    credits: (micros: number) => (micros !== 0 && Math.abs(micros) < 10_000 ? little : credits).format(micros / MICROS),
    /** An amount of credits, exactly. */
    fine: (micros: number) => fine.format(micros / MICROS),
    signed: (micros: number) => signed.format(micros / MICROS),
    /** Real money, given in the smallest unit of its currency. */
    money: (minor: number, currency: string) => {
      const format = number({ style: 'currency', currency })
      return format.format(minor / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2))
    },
    bytes,
    mib: (value: number) => bytes(value * 1024 * 1024),
    gib: (value: number) => bytes(value * 1024 ** 3),
    day: (at: string | number) => day.format(new Date(at)),
    date: (at: string | number) => date.format(new Date(at)),
    exact: (at: string | number) => exact.format(new Date(at)),
    month: (text: string) => month.format(new Date(`${text.slice(0, 7)}-15T12:00:00Z`)),
    clock: (at: string | number) => clock.format(new Date(at)),
    /** How long ago, or how far ahead. */
    relative: (at: string | number, now = Date.now()) => {
      const seconds = (new Date(at).getTime() - now) / 1000
      for (const [unit, size] of steps)
        if (Math.abs(seconds) >= size) return relative.format(Math.round(seconds / size), unit)
      return relative.format(Math.round(seconds), 'second')
    },
    /** A length of time in its largest unit that says enough. */
    duration: (seconds: number) => {
      if (seconds >= 2 * DAY) return length(Math.floor(seconds / DAY), 'day')
      if (seconds >= 2 * HOUR) return length(Math.floor(seconds / HOUR), 'hour')
      if (seconds >= 2 * MINUTE) return length(Math.floor(seconds / MINUTE), 'minute')
      return length(Math.max(0, Math.round(seconds)), 'second')
    },
  }
}

export type Formats = ReturnType<typeof formats>

/** They take long to make: once for each language. */
const known = new Map<string, Formats>()
function made(language: string) {
  const formatters = known.get(language) ?? formats(language)
  known.set(language, formatters)
  return formatters
}

export function useFormat(): Formats {
  const { locale } = useI18n()
  return made(locale)
}
