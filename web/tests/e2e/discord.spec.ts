import type { Page } from '@playwright/test'
import { accessible, administrator, expect, house, movedIn, test } from './house'

const settings = '/api/v1/discord/settings'

/** The administrator on a page, and nothing set for the bot. */
async function asAdmin(page: Page) {
  const { url, password } = house()
  const headers = { origin: url }
  const data = { email: 'admin@inn.example', password }
  expect((await page.request.post('/api/v1/sessions', { data, headers })).status()).toBe(201)
  expect((await page.request.put(settings, { data: {}, headers })).status()).toBe(200)
}

const isSet = async (page: Page) => (await page.request.get(settings)).json()

test('what the bot may do is set, checked and kept', async ({ page }) => {
  await asAdmin(page)
  await page.goto('/admin/discord')
  await page.getByRole('checkbox', { name: 'Wake', exact: true }).check()
  await page.getByRole('button', { name: 'Add a role' }).click()
  await page.getByLabel('Role’s ID').fill('keeper')
  await page.getByRole('button', { name: 'Save' }).click()
  await expect(page.getByRole('alert')).toContainText('number that Discord copies')
  await page.getByLabel('Role’s ID').fill('600000000000000001')
  await page.getByRole('button', { name: 'Add a report' }).click()
  await page.getByLabel('Channel’s ID').fill('18446744073709551615')
  await page.getByLabel('A host went silent: minutes until it is told again').fill('240')
  await page.getByRole('button', { name: 'Save' }).click()
  await expect(page.getByText('The bot goes by it from now on')).toBeVisible()
  const now = await isSet(page)
  expect(now.everyone).toEqual(['wake'])
  expect(now.roles).toEqual({ '600000000000000001': ['wake'] })
  expect(now.repeat_after_minutes).toEqual({ host_unreachable: 240 })
  expect(now.reports[0].channel).toBe('18446744073709551615')
  await accessible(page, 'the settings of the bot')

  await page.getByRole('button', { name: 'Remove: 600000000000000001' }).click()
  await expect(page.getByText('Not saved yet')).toBeVisible()
  await page.getByRole('button', { name: 'Undo' }).click()
  await expect(page.getByLabel('Role’s ID')).toHaveValue('600000000000000001')
})

test('a text of the bot is changed, seen, and ours again; other settings stay', async ({ page }) => {
  await asAdmin(page)
  const headers = { origin: house().url }
  await page.request.put(settings, { data: { everyone: ['see'] }, headers })
  await page.goto('/admin/discord/texts')
  await page.getByRole('searchbox').fill('now.wake')
  await page.getByRole('button', { name: 'Change now.wake' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Français').fill('Debout, **{nmae}** !')
  await expect(dialog.getByText('There is no place {nmae} in this text')).toBeVisible()
  await dialog.getByLabel('Français').fill('Debout, **{name}** !')
  await expect(dialog.getByText('Debout, cube !')).toBeVisible()
  await accessible(page, 'a text of the bot')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await expect(page.getByText('changed', { exact: true })).toBeVisible()
  await expect(page.getByText('1 text is yours')).toBeVisible()
  const now = await isSet(page)
  expect(now.texts).toEqual([{ key: 'now.wake', language: 'fr', text: 'Debout, **{name}** !' }])
  expect(now.everyone).toEqual(['see'])

  await page.getByRole('button', { name: 'Change now.wake' }).click()
  await dialog.getByRole('button', { name: 'Back to ours' }).click()
  await dialog.getByRole('button', { name: 'Save' }).click()
  await expect(page.getByText('Ours is said again')).toBeVisible()
  expect((await isSet(page)).texts).toEqual([])
})

test('the address that the bot shows leads through the door, and links nothing by itself', async ({ page }) => {
  const guest = await movedIn(page, 0)
  await page.context().clearCookies()
  await page.goto('/discord/link#ikt_nobody-has-this')
  await page.getByLabel('E-mail address').fill(guest.email)
  await page.getByLabel('Password', { exact: true }).fill(guest.password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await expect(page.getByRole('heading', { name: 'Link Discord' })).toBeVisible()
  await expect(page.getByLabel('Code')).toHaveValue('ikt_nobody-has-this')
  await expect(page).toHaveURL(/\/discord\/link$/)
  await expect(page.getByText('only if you typed /link yourself')).toBeVisible()
  await accessible(page, 'linking with Discord')
  await page.getByRole('button', { name: 'Link my account' }).click()
  await expect(page.getByLabel('Code')).toHaveAccessibleDescription(/./)
  await expect(page.getByLabel('Code')).toHaveAttribute('aria-invalid', 'true')

  await page.goto('/account/security')
  await page.getByRole('link', { name: 'I have a code' }).click()
  await expect(page.getByRole('heading', { name: 'Link Discord' })).toBeVisible()
})

test('what is set for the bot is no business of others', async ({ page }) => {
  await movedIn(page, 0)
  await page.goto('/admin/discord')
  await expect(page.getByText('There is nothing here')).toBeVisible()
  const admin = await administrator()
  expect((await admin.get(settings)).status()).toBe(200)
  await admin.dispose()
})
