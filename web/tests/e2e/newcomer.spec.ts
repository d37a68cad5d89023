import { administrator, expect, mailTo, test } from './house'

test('a newcomer registers, confirms, gets credits, and has a shell in a container', async ({ page }, { project }) => {
  test.setTimeout(180_000)
  const email = `new-${project.name}-${Date.now().toString(36)}@example.org`
  await page.goto('/')
  await expect(page).toHaveURL(/sign-in/)
  await page.getByRole('link', { name: 'Register' }).click()
  await page.getByLabel('Your name').fill('Nell')
  await page.getByLabel('E-mail address').fill(email)
  await page.getByLabel('Password', { exact: true }).fill('short')
  await page.getByRole('button', { name: 'Register' }).click()
  await expect(page.getByText('10 characters or more').last()).toBeVisible()
  await page.getByLabel('Password', { exact: true }).fill('a long enough one')
  await page.getByRole('button', { name: 'Register' }).click()
  await expect(page.getByText('Look into your mail')).toBeVisible()

  const mail = await mailTo(email, '/verify-email#token=')
  const link = /\/verify-email#token=\S+/.exec(mail)?.[0] ?? ''
  await page.goto(link)
  await expect(page.getByText('Your address is confirmed.')).toBeVisible()

  await page.goto('/sign-in')
  await page.getByLabel('E-mail address').fill(email)
  await page.getByLabel('Password', { exact: true }).fill('wrong')
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await expect(page.getByRole('alert')).toBeVisible()
  await page.getByLabel('Password', { exact: true }).fill('a long enough one')
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await expect(page.getByRole('heading', { name: 'Dashboard' })).toBeVisible()
  await expect(page.getByText('Good to see you, Nell')).toBeVisible()

  // Credits by a voucher that the administrator made.
  const admin = await administrator()
  const minted = await (
    await admin.post('/api/v1/vouchers', { data: { amount_micros: 5_000_000, count: 1, uses: 1 } })
  ).json()
  const me = await (await page.request.get('/api/v1/me')).json()
  await page.goto(`/projects/${me.user.personal_project}/credits/top-up`)
  await page.getByLabel('Code').fill(minted.items[0].code)
  await page.getByRole('button', { name: 'Redeem' }).click()
  await expect(page.getByText('5.00 credits have arrived')).toBeVisible()

  // An instance, and a shell in it.
  await page.goto('/instances')
  await page.getByRole('link', { name: 'New instance' }).first().click()
  await page.getByRole('radio', { name: /Debian 12 Container/ }).click()
  await page.getByRole('radio', { name: /Small/ }).click()
  await page.getByLabel('Name', { exact: true }).fill('Not A Name')
  await page.getByRole('button', { name: 'Create the instance' }).click()
  await expect(page.getByText(/Use 1 to 63 lower-case letters/)).toBeVisible()
  await page.getByLabel('Name', { exact: true }).fill('shell-1')
  await page.getByRole('button', { name: 'Create the instance' }).click()
  await expect(page.getByRole('heading', { name: 'shell-1' })).toBeVisible()
  await expect(page.getByText('Running', { exact: true }).first()).toBeVisible({ timeout: 60_000 })

  await page.getByRole('navigation', { name: 'shell-1' }).getByRole('link', { name: 'Console' }).click()
  await page.getByRole('button', { name: 'Open', exact: true }).click()
  await expect(page.getByRole('status').filter({ hasText: 'Open' })).toBeVisible()
  const terminal = page.locator('.console')
  await page.locator('.xterm-helper-textarea').focus()
  await page.keyboard.type('echo to-$((40+2))-you\n', { delay: 15 })
  await expect(terminal).toContainText('to-42-you')
})
