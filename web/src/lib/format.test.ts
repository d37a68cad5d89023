import { expect, test } from 'vitest'
import { plural } from '~/i18n/plural'
import { formats } from './format'

const en = formats('en')
const fr = formats('fr')

test('credits are shown to the hundredth, and exactly where it is asked', () => {
  expect(en.credits(24_978_100)).toBe('24.98')
  expect(en.credits(0)).toBe('0.00')
  expect(en.credits(2_381)).toBe('0.0024')
  expect(en.credits(-40)).toBe('-0.00004')
  expect(en.fine(24_978_101)).toBe('24.978101')
  expect(en.fine(5_150)).toBe('0.00515')
  expect(en.signed(-1_817)).toBe('-0.001817')
  expect(fr.credits(1_500_000)).toBe('1,50')
})

test('real money has as many decimals as its currency', () => {
  expect(en.money(1234, 'EUR')).toBe('€12.34')
  expect(en.money(1234, 'JPY')).toBe('¥1,234')
})

test('sizes count in powers of two and are named in the language', () => {
  expect(en.mib(512)).toBe('512 MiB')
  expect(en.mib(2048)).toBe('2 GiB')
  expect(fr.gib(2048)).toBe('2 Tio')
  expect(en.bytes(0)).toBe('0 B')
})

test('times are told by their largest unit, lengths by the one that says enough', () => {
  const now = Date.parse('2026-11-21T12:00:00Z')
  expect(en.relative('2026-11-21T11:58:30Z', now)).toBe('1 minute ago')
  expect(en.relative('2026-11-23T12:00:00Z', now)).toBe('in 2 days')
  expect(fr.relative('2026-11-21T11:00:00Z', now)).toBe('il y a 1 heure')
  expect(en.duration(47 * 86_400 + 5)).toBe('47 days')
  expect(en.duration(90)).toBe('90 seconds')
})

test('French counts nothing as one', () => {
  expect(plural('fr')(0, { one: 'une', other: 'des' })).toBe('une')
  expect(plural('en')(0, { one: 'one', other: 'some' })).toBe('some')
})
