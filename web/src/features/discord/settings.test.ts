import { expect, test } from 'vitest'
import { fromDraft, isSnowflake, toDraft } from './settings'

test('what is set comes out of the form as it went in', () => {
  const set = {
    language: 'fr' as const,
    everyone: ['see' as const],
    roles: { '600000000000000001': ['wake' as const, 'sleep' as const] },
    command_channels: ['300000000000000001'],
    board_channels: { '300000000000000004': 'en' as const },
    repeat_after_minutes: { host_unreachable: 240, audit_broken: 0 },
    reports: [
      {
        channel: '300000000000000005',
        period: 'daily' as const,
        hour: 9,
        time_zone: 'Europe/Paris',
        language: 'fr' as const,
      },
    ],
  }
  expect(fromDraft(toDraft(set))).toEqual(set)
})

test('a number of Discord’s is one of 64 bits, as text', () => {
  for (const good of ['1', '80351110224678912', '18446744073709551615']) expect(isSnowflake(good)).toBe(true)
  for (const bad of ['', '0', '012', '-1', '#general', '18446744073709551616', '1e3'])
    expect(isSnowflake(bad)).toBe(false)
})
