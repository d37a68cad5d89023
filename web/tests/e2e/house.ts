import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { type APIRequestContext, test as base, expect, type Page, request } from '@playwright/test'
import type { AxeResults, RunOptions } from 'axe-core'

type House = { url: string; password: string; mails: string }
export type Guest = { id: string; name: string; email: string; password: string; project: string }

export function house(): House {
  const { INNKEEPER_URL: url, INNKEEPER_PASSWORD: password, INNKEEPER_MAILS: mails } = process.env
  if (url && password && mails) return { url, password, mails }
  return JSON.parse(readFileSync(new URL(`../.house-${process.env.PORT ?? '8471'}.json`, import.meta.url), 'utf8'))
}

let count = 0
const unique = () => `${Date.now().toString(36)}${(count++).toString(36)}`

/** The administrator, by HTTP. */
export async function administrator(): Promise<APIRequestContext> {
  const { url, password } = house()
  const api = await request.newContext({ baseURL: url, extraHTTPHeaders: { origin: url } })
  const answer = await api.post('/api/v1/sessions', { data: { email: 'admin@inn.example', password } })
  expect(answer.status()).toBe(201)
  return api
}

/** Somebody new with an account and some credits, signed in on a page. */
export async function movedIn(page: Page, credits = 10): Promise<Guest> {
  const admin = await administrator()
  const id = unique()
  const who = { name: `Bo ${id}`, email: `bo-${id}@example.org`, password: `a password of ${id}` }
  const made = await admin.post('/api/v1/users', { data: { ...who, role: 'user' } })
  expect(made.status(), await made.text()).toBe(201)
  const user = await made.json()
  if (credits)
    await admin.post(`/api/v1/projects/${user.personal_project}/adjustments`, {
      data: { kind: 'grant', amount_micros: credits * 1_000_000, reason: 'a test' },
    })
  await admin.dispose()
  const { url } = house()
  const answer = await page.request.post('/api/v1/sessions', {
    data: { email: who.email, password: who.password },
    headers: { origin: url },
  })
  expect(answer.status(), await answer.text()).toBe(201)
  return { ...who, id: user.id, project: user.personal_project }
}

/** The last mail to somebody that contains a text. */
export async function mailTo(email: string, containing: string): Promise<string> {
  const { mails } = house()
  let found = ''
  await expect
    .poll(() => {
      for (const name of existsSync(mails) ? readdirSync(mails) : []) {
        // Long lines of mails are broken by quoted-printable.
        const text = readFileSync(join(mails, name), 'utf8')
          .replace(/=\r?\n/g, '')
          .replaceAll('=3D', '=')
        if (text.includes(email) && text.includes(containing)) found = text
      }
      return found
    })
    .not.toBe('')
  return found
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const rules: RunOptions = {
  runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  // What lies over the page is drawn outside its landmarks.
  rules: { region: { enabled: false } },
  resultTypes: ['violations'],
}

/** Nothing that keeps anybody from using what is shown. */
export async function accessible(page: Page, what: string) {
  // Put into a page once; our own policy forbids pages to load it themselves.
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(axe)
  const { violations, over } = await page.evaluate(async (rules) => {
    // A colour on its way to another is nobody's choice.
    const passing = document.getAnimations().filter(({ effect }) => effect?.getComputedTiming().endTime !== Infinity)
    await Promise.allSettled(passing.map(({ finished }) => finished))
    const { axe } = globalThis as unknown as { axe: { run(on: Document, rules: RunOptions): Promise<AxeResults> } }
    const { violations } = await axe.run(document, rules)
    const { scrollWidth, clientWidth } = document.documentElement
    return {
      violations: violations.map(({ id, nodes }) => ({ id, nodes: nodes.map((node) => node.html) })),
      over: scrollWidth - clientWidth,
    }
  }, rules)
  expect(violations, what).toEqual([])
  expect(over, `${what} runs over the edge`).toBeLessThanOrEqual(0)
}

/** Waits until a page shows what it is for: a heading, and nothing that is still on its way. */
export async function settled(page: Page) {
  await expect(page.locator('h1')).not.toHaveCount(0)
  await expect(page.locator('[aria-busy="true"], .mantine-Skeleton-root[data-visible]')).toHaveCount(0)
}

/** The administrator on a page. */
export async function asAdmin(page: Page) {
  const { url, password } = house()
  const answer = await page.request.post('/api/v1/sessions', {
    data: { email: 'admin@inn.example', password },
    headers: { origin: url },
  })
  expect(answer.status()).toBe(201)
}

/** An instance that runs, made by HTTP. */
export async function instance(page: Page, guest: Guest, name: string, template = 'Debian 12'): Promise<string> {
  const { url } = house()
  const { items } = await (await page.request.get('/api/v1/templates')).json()
  const template_id = items.find((one: { name: string }) => one.name === template).id
  const asked = await page.request.post('/api/v1/instances', {
    data: { name, template_id, project_id: guest.project },
    headers: { origin: url },
  })
  expect(asked.status(), await asked.text()).toBe(202)
  const operation = await asked.json()
  await expect
    .poll(async () => (await (await page.request.get(`/api/v1/operations/${operation.id}?wait=10s`)).json()).state, {
      timeout: 60_000,
    })
    .toBe('succeeded')
  return operation.instance_id
}

/** What was told in a corner goes, once the mouse does not rest on it. */
export async function quiet(page: Page) {
  await page.mouse.move(0, 0)
  await expect(page.locator('.mantine-Notifications-notification')).toHaveCount(0)
}

/** Does something, and waits until the house has said yes to it: whoever leaves before may leave before it was asked. */
export async function answered(page: Page, method: string, path: string, act: () => Promise<void>) {
  const said = page.waitForResponse(
    (answer) => answer.request().method() === method && answer.url().endsWith(path) && answer.ok(),
  )
  await act()
  await said
}

/** A test on whose pages nothing went wrong that nobody was told of. */
export const test = base.extend({
  page: async ({ page }, use) => {
    const errors: string[] = []
    page.on('pageerror', (error) => errors.push(error.message))
    page.on('console', (said) => {
      if (said.type() === 'error' && /Content Security Policy|Refused to|Minified React/.test(said.text()))
        errors.push(said.text())
    })
    await use(page)
    expect(errors).toEqual([])
  },
})
export { expect }
