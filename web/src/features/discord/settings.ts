import type { Ability, DiscordSettings, Language, ReportChannel } from '~/api'
import { getDiscordSettings, setDiscordSettings } from '~/api/gen/sdk.gen'

export const abilities = ['see', 'wake', 'sleep', 'restart', 'maintain', 'report'] as const satisfies Ability[]
export const alertKinds = [
  'host_start_failed',
  'host_stop_failed',
  'host_unreachable',
  'restart_failed',
  'cluster_lost',
  'cluster_back',
  'audit_broken',
] as const
export type AlertKind = (typeof alertKinds)[number]

/** Numbers of Discord's are too long for numbers of JavaScript's: they stay text. */
export const isSnowflake = (text: string) => /^[1-9]\d{0,19}$/.test(text) && BigInt(text) < 2n ** 64n

let made = 0
/** Tells lines of a form apart. */
export const lineKey = () => `line-${++made}`

type Line = { key: string }
/** The settings as a form has them: what is a map there is a list of lines here. */
export type Draft = {
  language: Language
  everyone: Ability[]
  roles: (Line & { id: string; may: Ability[] })[]
  command_channels: string[]
  boards: (Line & { channel: string; language: Language })[]
  repeat: Record<AlertKind, number | ''>
  reports: (Line & ReportChannel)[]
}

export function toDraft(set: DiscordSettings): Draft {
  const repeat = set.repeat_after_minutes ?? {}
  return {
    language: set.language ?? 'en',
    everyone: set.everyone ?? [],
    roles: Object.entries(set.roles ?? {}).map(([id, may]) => ({ key: lineKey(), id, may })),
    command_channels: set.command_channels ?? [],
    boards: Object.entries(set.board_channels ?? {}).map(([channel, language]) => ({
      key: lineKey(),
      channel,
      language,
    })),
    repeat: Object.fromEntries(alertKinds.map((kind) => [kind, repeat[kind] ?? ''])) as Draft['repeat'],
    reports: (set.reports ?? []).map((report) => ({ key: lineKey(), ...report })),
  }
}

/** What a form says, without the texts, which have a page of their own. */
export function fromDraft(draft: Draft): Omit<DiscordSettings, 'texts'> {
  return {
    language: draft.language,
    everyone: draft.everyone,
    roles: Object.fromEntries(draft.roles.map(({ id, may }) => [id.trim(), may])),
    command_channels: draft.command_channels,
    board_channels: Object.fromEntries(draft.boards.map(({ channel, language }) => [channel.trim(), language])),
    repeat_after_minutes: Object.fromEntries(
      Object.entries(draft.repeat).filter((one): one is [string, number] => one[1] !== ''),
    ),
    reports: draft.reports.map(({ key: _, ...report }) => ({ ...report, channel: report.channel.trim() })),
  }
}

/** Changes a part of the settings, and leaves the rest as it is at that moment. */
export async function changeSettings(change: (now: DiscordSettings) => DiscordSettings) {
  const { data } = await getDiscordSettings()
  return setDiscordSettings({ body: change(data) })
}
