import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, TestInfo } from '@playwright/test'
import { accessible, expect, movedIn, settled, test } from './house'
import { shop } from './shop'

test('what one is told is chosen kind by kind, and what must arrive stays on', async ({ page }) => {
  await movedIn(page, 0)
  await page.goto('/account/notifications')
  await settled(page)
  const way = (name: string) => page.getByRole('switch', { name, exact: true })
  for (const kind of ['Credits run out', 'A backup fails']) {
    await expect(way(`${kind}: E-mail`)).toBeChecked()
    await way(`${kind}: E-mail`).click({ force: true })
    await expect(way(`${kind}: E-mail`)).not.toBeChecked()
  }
  // The last warning has one way only, and Discord needs a link.
  await expect(way('Something will be deleted: E-mail')).toBeChecked()
  await expect(way('Something will be deleted: E-mail')).toBeDisabled()
  await expect(page.getByText('This cannot be switched off: what is gone is gone.')).toBeVisible()
  await expect(way('Credits run out: Discord')).toBeDisabled()
  await accessible(page, 'what one is told')

  await page.reload()
  await settled(page)
  await expect(way('Credits run out: E-mail')).not.toBeChecked()
  await expect(way('Instances are stopped: E-mail')).toBeChecked()
  await way('Credits run out: E-mail').click({ force: true })
  await expect(way('Credits run out: E-mail')).toBeChecked()
  await page.getByRole('link', { name: 'Link Discord' }).click()
  await expect(page.getByRole('heading', { name: 'Link Discord', level: 1 })).toBeVisible()
})

let house: Awaited<ReturnType<typeof shop>>
test.describe('in a house where credits run out quickly', () => {
  test.beforeAll(async () => {
    house = await shop()
  })
  test.afterAll(() => house?.end())

  /** Somebody with an account, signed in on a page of their own. */
  async function guest(browser: Browser, { project }: TestInfo, name: string) {
    const who = { name, email: `${name}-${project.name}@example.org`, password: 'a long enough one' }
    const user = await house.post('users', { ...who, role: 'user' })
    const context = await browser.newContext({ ...project.use, baseURL: house.url })
    const page = await context.newPage()
    const ask = async (path: string, data: object = {}, method = 'POST') => {
      const answer = await page.request.fetch(`/api/v1/${path}`, { method, data, headers: { origin: house.url } })
      expect(answer.ok(), `${path}: ${await answer.text()}`).toBe(true)
      return answer.status() === 204 ? undefined : answer.json()
    }
    await ask('sessions', { email: who.email, password: who.password })
    return { ...who, id: user.id as string, page, ask, end: () => context.close() }
  }

  /** The subjects of the mails to somebody. */
  const subjects = (email: string) =>
    (existsSync(house.mails) ? readdirSync(house.mails) : [])
      .map((name) => readFileSync(join(house.mails, name), 'utf8'))
      .filter((text) => text.includes(email))
      .map((text) => /^Subject: (.*)$/m.exec(text)?.[1]?.trim() ?? '')

  test('a letter that somebody has switched off is written to others only', async ({ browser }, info) => {
    test.setTimeout(180_000)
    const bo = await guest(browser, info, 'bo')
    const cy = await guest(browser, info, 'cy')
    const project = await bo.ask('projects', { name: 'Band' })
    const invited = await bo.ask(`projects/${project.id}/invitations`, { email: cy.email, membership: 'owner' })
    await cy.ask(`invitations/${invited.invitation.id}/accept`)

    await bo.page.goto('/account/notifications')
    const credits = bo.page.getByRole('switch', { name: 'Credits run out: E-mail' })
    await credits.click({ force: true })
    await expect(credits).not.toBeChecked()

    // What is left lasts for a few hours.
    const { items } = await house.get('templates')
    await house.post(`projects/${project.id}/adjustments`, {
      kind: 'grant',
      amount_micros: 300_000_000,
      reason: 'a test',
    })
    await bo.ask('instances', { name: 'stage', template_id: items[0].id, project_id: project.id })
    await expect
      .poll(() => subjects(cy.email), { timeout: 60_000 })
      .toContainEqual(expect.stringContaining('runs out of credit'))
    // Mails go one after the other: what Bo is sent now comes after what was not written.
    await bo.ask('me/password', { password: bo.password, new_password: 'another long enough one' })
    await expect.poll(() => subjects(bo.email), { timeout: 60_000 }).toContainEqual(expect.stringContaining('password'))
    expect(subjects(bo.email).filter((subject) => subject.includes('credit'))).toEqual([])
    await bo.end()
    await cy.end()
  })
})
