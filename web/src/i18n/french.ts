const FIRM = '\u00a0'
const NARROW = '\u202f'

/** Puts spaces that do not break before what French sets apart, so that no line begins with a question mark. */
export const spaced = (text: string) =>
  text
    .replace(/ ([;?!])/g, `${NARROW}$1`)
    .replace(/ ([:»])/g, `${FIRM}$1`)
    .replace(/« /g, `«${FIRM}`)

/** The same for all texts of a catalogue, also for those that are made when they are needed. */
export function typeset<T>(texts: T): T {
  if (typeof texts === 'string') return spaced(texts) as T
  if (typeof texts === 'function')
    return ((...given: unknown[]) => typeset((texts as (...given: unknown[]) => unknown)(...given))) as T
  if (Array.isArray(texts)) return texts.map(typeset) as T
  if (typeof texts !== 'object' || texts === null || '$$typeof' in texts) return texts
  return Object.fromEntries(Object.entries(texts).map(([key, value]) => [key, typeset(value)])) as T
}
