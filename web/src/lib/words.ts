/** Cuts a text into words, as forms take tags and lines. */
export const words = (text: string) => text.split(/[\s,]+/).filter(Boolean)

/** The lines of a text that say something. */
export const lines = (text: string) =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)

/** A word in single quotes for a shell, where it needs them. */
export const shellWord = (text: string) =>
  /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`

/** Saves an answer as a file. */
export function download(content: Blob, name: string) {
  const url = URL.createObjectURL(content)
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 1000)
}
