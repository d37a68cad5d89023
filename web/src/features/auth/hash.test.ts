import { expect, test } from 'vitest'
import { ourPath } from './hash'

test('whoever signs in is sent to a page of ours and nowhere else', () => {
  expect(ourPath('/instances?q=1')).toBe('/instances?q=1')
  for (const other of [
    undefined,
    '',
    'https://evil.example',
    '//evil.example',
    '/\\evil.example',
    'javascript:alert(1)',
  ])
    expect(ourPath(other)).toBe('/')
})
