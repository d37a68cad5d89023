import { expect, test } from 'vitest'
import { typeset } from './french'

test('what French sets apart stays with its word', () => {
  const set = typeset({
    ask: (name: string) => `Supprimer « ${name} » ?`,
    deep: { list: ['Oui ; non', ['a : b']] },
    none: undefined,
  })
  expect(set.ask('web')).toBe('Supprimer «\u00a0web\u00a0»\u202f?')
  expect(set.deep.list).toEqual(['Oui\u202f; non', ['a\u00a0: b']])
  expect(set.none).toBeUndefined()
  expect(typeset('12:30, https://inn')).toBe('12:30, https://inn')
})
