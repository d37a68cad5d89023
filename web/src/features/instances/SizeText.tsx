import type { Size } from '~/api'
import { useT } from '~/i18n'
import type { Messages } from '~/i18n/en'
import { type Formats, useFormat } from '~/lib/format'

export const sizeText = (t: Messages, f: Formats, size: Size) =>
  `${t.instances.cores(size.cores)} · ${f.mib(size.memory_mib)} · ${f.gib(size.disk_gib)}`

export function SizeText({ size }: { size: Size }) {
  return <>{sizeText(useT(), useFormat(), size)}</>
}
