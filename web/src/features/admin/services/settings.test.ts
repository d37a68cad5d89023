import { expect, test } from 'vitest'
import type { Service } from '~/api'
import { askedOf, blank, changedOf, cliOf, needsPassword, typed, withPassword } from './settings'

const service: Service = {
  id: 'svc_1',
  name: 'survival',
  kind: 'minecraft_java',
  language: 'fr',
  can: ['see', 'restart'],
  created_at: '2026-11-21T12:00:00Z',
  ready_seconds: 120,
  warn_seconds: 30,
  rests: true,
  join_address: 'play.inn.example',
  staff: {
    at: { guest: { host: 'hst_1', vmid: 105 } },
    address: '192.0.2.20',
    port: 25_565,
    rcon_port: 25_575,
    doorman: { listen: '0.0.0.0:25565', way: 'transfer', players: ['Grace'], texts: { asleep: 'Zzz' } },
    users_may: ['see'],
  },
}

test('a service that is typed and not changed stays as it is, with its console', () => {
  const before = typed(service)
  const changed = changedOf(before, before)
  expect(changed).not.toHaveProperty('rcon')
  expect(changed).not.toHaveProperty('name')
  expect(changed).toMatchObject({
    address: '192.0.2.20',
    join_address: 'play.inn.example',
    rests: true,
    doorman: { way: 'transfer', players: ['Grace'], texts: { asleep: 'Zzz' } },
  })
  expect(cliOf(before, before)).toBe('')
})

test('what is switched off is taken away', () => {
  const before = typed(service)
  const changed = changedOf({ ...before, rcon: false, doorman: false }, before)
  expect(changed.rcon).toBeNull()
  expect(changed.doorman).toBeNull()
  expect(cliOf({ ...before, rcon: false, doorman: false }, before)).toBe('--no-rcon \\\n  --no-doorman')
})

test('a console of another port needs its password again', () => {
  const before = typed(service)
  expect(needsPassword(before, before)).toBe(false)
  expect(needsPassword({ ...before, rcon_port: 1 }, before)).toBe(true)
  expect(needsPassword({ ...blank(), rcon: true })).toBe(true)
})

test('only what a kind has is sent, and the command holds no password', () => {
  const given = { ...blank(), kind: 'tcp' as const, doorman: true, path: '/x', rcon: true, rcon_password: 'hidden' }
  expect(askedOf(given)).toMatchObject({ doorman: null, path: null })
  const line = withPassword(given, `innkeeper service add x ${cliOf(given, blank())}`)
  expect(line).toContain('INNKEEPER_RCON_PASSWORD=…')
  expect(line).not.toContain('hidden')
})
