import { accessible, expect, test } from './house'
import { shop } from './shop'

let house: Awaited<ReturnType<typeof shop>>
test.beforeAll(async () => {
  house = await shop()
})
test.afterAll(() => house?.end())

test('a payer buys credits, sees them used up and what that means, and goes on with a voucher', async ({
  browser,
  contextOptions,
}, { project }) => {
  test.setTimeout(180_000)
  const context = await browser.newContext({ ...contextOptions, ...project.use, baseURL: house.url })
  const page = await context.newPage()
  const who = { name: 'Pia', email: `pia-${project.name}@example.org`, password: 'a long enough one' }
  const user = await house.post('users', { ...who, role: 'user' })
  const account = `projects/${user.personal_project}`

  await page.goto('/sign-in')
  await page.getByLabel('E-mail address').fill(who.email)
  await page.getByLabel('Password', { exact: true }).fill(who.password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await expect(page.getByRole('heading', { name: 'Dashboard' })).toBeVisible()

  // Without credits nothing is made, and it is said where to get some.
  await page.goto('/instances-new')
  await page.getByLabel('Name', { exact: true }).fill('web-1')
  await page.getByRole('button', { name: 'Create the instance' }).click()
  await expect(
    page
      .getByRole('alert')
      .getByText(/credits/)
      .first(),
  ).toBeVisible()
  await page.getByRole('main').getByRole('link', { name: 'Top up' }).first().click()

  // Who turns back has paid nothing; who pays has credits.
  await page.getByRole('textbox', { name: 'Credits' }).fill('20')
  await expect(page.getByText('€20.00')).toBeVisible()
  await page.getByRole('button', { name: 'Go and pay' }).click()
  await page.getByRole('link', { name: 'Back' }).click()
  await expect(page.getByText('You turned back before paying')).toBeVisible()
  await accessible(page, 'a payment that was turned back from')
  await page.getByRole('link', { name: 'Go on paying' }).click()
  await page.getByRole('button', { name: 'Pay' }).click()
  await expect(page.getByText('Thank you. The credits have arrived.')).toBeVisible()
  await page.getByRole('link', { name: 'To the credits' }).click()
  await expect(page.getByRole('main').getByText('20.00').first()).toBeVisible()

  await page.goto('/instances-new')
  await page.getByLabel('Name', { exact: true }).fill('web-1')
  await page.getByRole('button', { name: 'Create the instance' }).click()
  await expect(page.getByRole('heading', { name: 'web-1' })).toBeVisible()
  await expect(page.getByText('Running', { exact: true }).first()).toBeVisible({ timeout: 60_000 })
  const here = page.url()

  // Nearly all of it is taken away, so that the rest is used up while somebody looks.
  const { wallet_micros } = await house.get(`${account}/balance`)
  const taken = { kind: 'correction', amount_micros: 50_000 - wallet_micros, reason: 'a test' }
  await house.post(`${account}/adjustments`, taken)
  const notice = page.getByRole('alert').filter({ hasText: 'used up' })
  await expect(notice).toBeVisible({ timeout: 60_000 })
  await expect(page.getByText('Stopped', { exact: true }).first()).toBeVisible({ timeout: 60_000 })
  await expect(page.getByRole('button', { name: 'Start', exact: true })).toHaveAttribute('aria-disabled', 'true')
  await accessible(page, 'an instance that is stopped for want of credits')
  await page.goto('/instances')
  await expect(notice).toBeVisible()
  await page.goto('/')
  await expect(page.getByText('There is nothing left')).toBeVisible()

  // A voucher pays what is owed, and what ran runs again.
  const { items } = await house.post('vouchers', { amount_micros: 30_000_000, count: 1, uses: 1 })
  await page.getByRole('main').getByRole('link', { name: 'Top up' }).first().click()
  await page.getByLabel('Code').fill(items[0].code)
  await page.getByRole('button', { name: 'Redeem' }).click()
  await expect(page.getByText('30.00 credits have arrived')).toBeVisible()
  await page.goto(here)
  await expect(page.getByText('Running', { exact: true }).first()).toBeVisible({ timeout: 60_000 })
  await expect(notice).toBeHidden()

  // Every movement is in the ledger, and leads to what it is for.
  await page.goto(`/${account}/credits`)
  for (const cause of ['Voucher', 'Charge', 'Correction', 'Payment'])
    await expect(page.getByRole('main').getByText(cause, { exact: true }).first()).toBeVisible()
  await page.goto(`/${account}/credits/invoices`)
  await expect(page.getByText('No invoices yet')).toBeVisible()
  await context.close()
})
