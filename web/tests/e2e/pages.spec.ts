import { doors, guardedIds, inside, withId } from '../pages.mjs'
import { expect, house, instance, movedIn, test } from './house'
import { everyPage } from './looks'

test('every page for those who are not in yet can be used by everybody', async ({ page }, info) => {
  test.setTimeout(180_000)
  await everyPage(page, info, [...doors, '/nowhere'])
})

test('every page for customers can be used by everybody', async ({ page }, info) => {
  test.setTimeout(280_000)
  const guest = await movedIn(page)
  const id = await instance(page, guest, 'seen-1')
  const leased = await page.request.post('/api/v1/leases', {
    data: { minutes: 10, template: 'Alpine 3.22', plan: 'Small', project_id: guest.project, pay_with: 'credits' },
    headers: { origin: house().url },
  })
  expect(leased.status(), await leased.text()).toBeLessThan(300)
  const lease = (await leased.json()).order.lease_id
  const told = await page.request.post(`/api/v1/projects/${guest.project}/webhooks`, {
    // Nobody listens there, so that the page has a failure to show.
    data: { name: 'deploy', url: 'http://127.0.0.1:9/in' },
    headers: { origin: house().url },
  })
  expect(told.status(), await told.text()).toBe(201)
  const webhook = (await told.json()).webhook.id
  await page.request.post(`/api/v1/webhooks/${webhook}/test`, { headers: { origin: house().url } })
  const ids = {
    instances: id,
    projects: guest.project,
    leases: lease,
    webhooks: webhook,
    ...(await guardedIds(page.request)),
  }
  await everyPage(page, info, [...inside.map((one) => withId(one, ids)), '/instances?q=none'])
})

test('pages come with a strict policy; what is gone is gone; programs get no pages', async ({ request }) => {
  const { url } = house()
  const html = { accept: 'text/html' }
  const page = await request.get(`${url}/instances/ins_1/backups`, { headers: html })
  expect(page.status()).toBe(200)
  const policy = page.headers()['content-security-policy'] ?? ''
  expect(policy).toContain("default-src 'none'")
  expect(policy).toContain("script-src 'self'")
  expect(policy).not.toMatch(/script-src[^;]*unsafe/)
  expect((await request.get(`${url}/assets/gone-1.js`, { headers: html })).status()).toBe(404)
  const unknown = await request.get(`${url}/api/v1/nothing`, { headers: html })
  expect(unknown.status()).toBe(404)
  expect(unknown.headers()['content-type']).toContain('application/problem+json')
  const asset = /\/assets\/[\w.-]+\.js/.exec(await page.text())?.[0] ?? ''
  const script = await request.get(`${url}${asset}`)
  expect(script.headers()['cache-control']).toContain('immutable')
})

test('theme, language, palette and keys', async ({ page, isMobile }) => {
  const guest = await movedIn(page)
  await instance(page, guest, 'jump-1')
  await page.goto('/')
  const before = await page.locator('html').getAttribute('data-mantine-color-scheme')
  await page.getByRole('button', { name: /Account menu/ }).click()
  await page.getByRole('menuitem', { name: before === 'dark' ? 'Light theme' : 'Dark theme' }).click()
  await page.getByRole('menuitem', { name: 'Passer en français' }).click()
  await page.reload()
  await expect(page.getByRole('heading', { name: 'Tableau de bord' })).toBeVisible()
  await expect(page.locator('html')).not.toHaveAttribute('data-mantine-color-scheme', before ?? '')
  if (isMobile) await page.getByRole('button', { name: 'Rechercher ou aller à…' }).click()
  else await page.keyboard.press('Control+k')
  await page.getByRole('dialog').getByRole('textbox').fill('jump')
  await page.getByRole('dialog').getByText('jump-1').click()
  await expect(page.getByRole('heading', { name: 'jump-1' })).toBeVisible()
  if (!isMobile) {
    await page.keyboard.press('g')
    await page.keyboard.press('k')
    await expect(page.getByRole('heading', { name: 'Clés d’API' })).toBeVisible()
  }
})
