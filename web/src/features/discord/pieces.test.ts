import { expect, test } from 'vitest'
import { filled, marked, pieces, wrong } from './pieces'

test('a text is taken apart as the bot does', () => {
  expect(pieces('Wake {name}, {{ not {step} }}')).toEqual([
    { words: 'Wake ' },
    { place: 'name' },
    { words: ', { not ' },
    { place: 'step' },
    { words: ' }' },
  ])
  expect(pieces('a { b')).toEqual([{ words: 'a ' }, { lonely: true }, { words: ' b' }])
})

test('what the house would refuse is said before it is sent', () => {
  expect(wrong('Hello {name}', ['name'])).toBeUndefined()
  expect(wrong('Hello {nmae}', ['name'])).toEqual({ place: 'nmae' })
  expect(wrong('Hello }', [])).toBe('lonely')
  expect(wrong('é'.repeat(2001), [])).toBe('long')
  expect(wrong('🏠'.repeat(2000), [])).toBeUndefined()
})

test('a preview has something in its places, and Discord’s markup', () => {
  expect(filled('status.detail', ' ({detail})', 'fr')).toBe(' (quelqu’un joue)')
  expect(filled('report.daily', '{players}', 'en')).toBe('7')
  expect(marked('✅ **cube** is `up`, *really*')).toEqual([
    { text: '✅ ' },
    { text: 'cube', bold: true },
    { text: ' is ' },
    { text: 'up', code: true },
    { text: ', ' },
    { text: 'really', italic: true },
  ])
  expect(marked('2 * 3')).toEqual([{ text: '2 * 3' }])
})
