import { expect, test } from 'vitest'
import type { HostLink } from '~/api'
import { standOf } from './Links'

const link = (name: string, holds: boolean | null, code?: string): HostLink => ({
  name,
  holds,
  report: {
    success: !!holds,
    message: '',
    timestamp: '2026-11-21T12:00:00Z',
    details: {},
    error: code ? { code, message: '' } : null,
  },
})

test('silence of a host that sleeps is not a broken link; what is set up wrongly is', () => {
  expect(standOf(link('api', false, 'timeout'), true)).toBe('unknown')
  expect(standOf(link('api', false, 'timeout'), false)).toBe('isBroken')
  expect(standOf(link('ssh', null), false)).toBe('unknown')
  for (const asleep of [true, false]) {
    expect(standOf(link('wake', false, 'cannot_be_woken'), asleep)).toBe('isBroken')
    expect(standOf(link('power_privilege', false, 'missing_privilege'), asleep)).toBe('isBroken')
    expect(standOf(link('api', true), asleep)).toBe('holds')
  }
})
