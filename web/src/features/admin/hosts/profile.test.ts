import { expect, test } from 'vitest'
import { cliOf, fieldOf, profileOf, secretsOf, typed } from './profile'

const packet = { by: 'packet', mac: '00:23:7d:fd:c0:5c', address: '192.0.2.255', interface: null, ports: [9] } as const

test('a profile that is typed and not changed is the same profile', () => {
  const profile = profileOf(typed())
  expect(profileOf(typed(profile))).toEqual(profile)
  const rich = {
    ...profile,
    wake: { ...packet, ports: [9] },
    may_stop: [105, 106],
    watts: 60,
    fallback: { user: 'root', port: 2222, host_key: 'ssh-ed25519 AAAA' },
    windows: [{ days: ['friday' as const], from: '18:00', to: '02:00', time_zone: 'Europe/Paris' }],
  }
  expect(profileOf(typed(rich))).toEqual(rich)
})

test('secrets that are left empty stay, and are sent only with the way that needs them', () => {
  expect(secretsOf(typed())).toBeUndefined()
  expect(secretsOf({ ...typed(), wake: 'cluster', secure_on: 'x' })).toBeUndefined()
  expect(secretsOf({ ...typed(), wake: 'packet', secure_on: 'x' })).toEqual({ secure_on: 'x' })
  expect(secretsOf({ ...typed(), forget: true })).toEqual({})
  const given = { ...typed(), wake: 'webhook' as const, url: ' https://plug.example/on ', headers: 'X-Key: a:b\n\n' }
  expect(secretsOf(given)).toEqual({
    webhook: { url: 'https://plug.example/on', method: 'POST', headers: { 'X-Key': 'a:b' } },
  })
})

test('the command says what differs, and no secret', () => {
  expect(cliOf(typed())).toBe('')
  const given = { ...typed({ wake: { ...packet, ports: [9] } }), secure_on: 'hidden', watts: 60 }
  const said = cliOf(given)
  expect(said).toContain('--mac 00:23:7d:fd:c0:5c')
  expect(said).toContain('--watts 60')
  expect(said).not.toContain('hidden')
})

test('what the house refuses is told beside its field', () => {
  expect(fieldOf('profile.wake.mac')).toBe('mac')
  expect(fieldOf('profile.windows.time_zone')).toBe('windows')
  expect(fieldOf('secrets.webhook.url')).toBe('url')
  expect(fieldOf('name')).toBe('name')
})
