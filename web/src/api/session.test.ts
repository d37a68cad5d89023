import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { fetchSignedIn, onSessionEnd } from './session'

const answers: { path: string; method: string; key: string | null }[] = []
let over = true
let renewable = true

beforeEach(() => {
  answers.length = 0
  over = true
  renewable = true
  localStorage.clear()
  vi.stubGlobal('fetch', async (input: RequestInfo | URL, init?: RequestInit) => {
    const request = input instanceof Request ? input : new Request(new URL(String(input), 'http://house'), init)
    const path = new URL(request.url).pathname
    answers.push({ path, method: request.method, key: request.headers.get('idempotency-key') })
    if (path.endsWith('/sessions/refresh')) {
      over = !renewable
      return new Response('{}', { status: renewable ? 201 : 401 })
    }
    return new Response('{}', { status: over ? 401 : 200 })
  })
})
afterEach(() => vi.unstubAllGlobals())

test('many requests that find the session over renew it once, and are asked again', async () => {
  const all = await Promise.all(['a', 'b', 'c'].map((name) => fetchSignedIn(`http://house/api/v1/${name}`)))
  expect(all.map((one) => one.status)).toEqual([200, 200, 200])
  expect(answers.filter((one) => one.path.endsWith('/refresh'))).toHaveLength(1)
})

test('an order that is sent again has the same key, so that it is done once', async () => {
  await fetchSignedIn('http://house/api/v1/instances', { method: 'POST', body: '{}' })
  const sent = answers.filter((one) => one.path === '/api/v1/instances')
  expect(sent).toHaveLength(2)
  expect(sent[0]?.key).toMatch(/^[0-9a-f]{32}$/)
  expect(sent[1]?.key).toBe(sent[0]?.key)
})

test('a session that cannot be renewed has ended, and that is told', async () => {
  renewable = false
  const told = vi.fn()
  const stop = onSessionEnd(told)
  expect((await fetchSignedIn('http://house/api/v1/me')).status).toBe(401)
  expect(told).toHaveBeenCalledOnce()
  stop()
})

test('a wrong password is no session that has ended', async () => {
  expect((await fetchSignedIn('http://house/api/v1/sessions', { method: 'POST', body: '{}' })).status).toBe(401)
  expect(answers.some((one) => one.path.endsWith('/refresh'))).toBe(false)
})
