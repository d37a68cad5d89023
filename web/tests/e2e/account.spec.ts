import { createHmac } from 'node:crypto'
import { administrator, expect, house, movedIn, test } from './house'

/** What an authenticator shows. */
function code(secret: string, at = Date.now()) {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  const bits = [...secret.replace(/[= ]/g, '')].map((c) => alphabet.indexOf(c).toString(2).padStart(5, '0')).join('')
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)))
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(at / 30_000)))
  const hash = createHmac('sha1', key).update(counter).digest()
  const offset = (hash.at(-1) ?? 0) & 15
  return String((hash.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0')
}

test('a second factor is switched on, and asked for', async ({ page }) => {
  const guest = await movedIn(page, 0)
  await page.goto('/account/security')
  await page.getByRole('button', { name: 'Switch on' }).click()
  await page.getByRole('dialog').getByLabel('Your password').fill(guest.password)
  await page.getByRole('dialog').getByRole('button', { name: 'Continue' }).click()
  const secret = await page.getByRole('dialog').locator('code').first().innerText()
  await page.getByRole('dialog').locator('input').first().click()
  await page.keyboard.type(code(secret))
  await page.getByRole('dialog').getByRole('button', { name: 'Confirm' }).click()
  await expect(page.getByRole('dialog', { name: 'Your recovery codes' })).toBeVisible()
  const recovery = (await page.getByLabel('Secret').innerText()).trim().split('\n')[0] ?? ''
  await page.getByRole('button', { name: 'I have saved it' }).click()
  await expect(page.getByText('On', { exact: true })).toBeVisible()

  await page.getByRole('button', { name: /Account menu/ }).click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  await page.getByLabel('E-mail address').fill(guest.email)
  await page.getByLabel('Password', { exact: true }).fill(guest.password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await expect(page.getByRole('heading', { name: 'One more step' })).toBeVisible()
  await page.getByRole('button', { name: 'Use a recovery code' }).click()
  await page.getByLabel('Recovery code').fill(recovery)
  await page.getByRole('button', { name: 'Continue' }).click()
  await expect(page.getByRole('heading', { name: 'Dashboard' })).toBeVisible()
})

test('a passkey is added, and signs in', async ({ page }) => {
  const guest = await movedIn(page, 0)
  const devtools = await page.context().newCDPSession(page)
  await devtools.send('WebAuthn.enable')
  await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  })
  await page.goto('/account/security')
  await page.getByRole('button', { name: 'Add a passkey' }).click()
  await page.getByRole('dialog').getByLabel('What to call it').fill('Laptop')
  await page.getByRole('dialog').getByLabel('Your password').fill(guest.password)
  await page.getByRole('dialog').getByRole('button', { name: 'Add a passkey' }).click()
  await expect(page.getByText('Laptop')).toBeVisible()
  const saved = page.getByRole('button', { name: 'I have saved it' })
  if (await saved.isVisible()) await saved.click()
  await page.request.delete('/api/v1/sessions/current', { headers: { origin: house().url } })
  await page.goto('/sign-in')
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
  await expect(page.getByRole('heading', { name: 'Dashboard' })).toBeVisible()
})

test('a session goes on by itself when its token is over, and ends when it has ended', async ({ page }) => {
  await movedIn(page, 0)
  await page.goto('/')
  await expect(page.getByRole('heading', { name: 'Dashboard' })).toBeVisible()
  await page.context().clearCookies({ name: 'innkeeper_session' })
  await page.goto('/keys')
  await expect(page.getByText('No keys yet')).toBeVisible()
  await page.context().clearCookies()
  await page.goto('/account')
  await expect(page).toHaveURL(/sign-in\?next=/)
})

test('a password that was forgotten is replaced by a link', async ({ page }) => {
  const { mailTo } = await import('./house')
  const guest = await movedIn(page, 0)
  await page.context().clearCookies()
  await page.goto('/sign-in')
  await page.getByRole('link', { name: 'Forgot it?' }).click()
  // The page before has such a field too.
  await expect(page.getByRole('heading', { name: 'A new password' })).toBeVisible()
  await page.getByLabel('E-mail address').fill(guest.email)
  await page.getByRole('button', { name: 'Send the link' }).click()
  await expect(page.getByText('a link is on its way')).toBeVisible()
  const mail = await mailTo(guest.email, '/recover#token=')
  await page.goto(/\/recover#token=\S+/.exec(mail)?.[0] ?? '')
  await page.reload()
  await page.goto('about:blank')
  await page.goto(/\/recover#token=\S+/.exec(mail)?.[0] ?? '')
  await page.getByLabel('New password').fill('quite another one')
  await page.getByRole('button', { name: 'Set the password' }).click()
  await expect(page.getByText('The new password is set')).toBeVisible()
})

test('a key for a program is shown once and can be ended', async ({ page }) => {
  await movedIn(page, 0)
  await page.goto('/keys')
  await page.getByRole('button', { name: 'New key' }).first().click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('What it is for').fill('pipeline')
  await dialog.getByRole('checkbox', { name: /Make and use instances/ }).check()
  await dialog.getByRole('button', { name: 'New key' }).click()
  const token = (await dialog.getByLabel('Secret').innerText()).trim()
  const { url } = house()
  const answer = await fetch(`${url}/api/v1/me`, { headers: { authorization: `Bearer ${token}` } })
  expect(answer.status).toBe(200)
  await dialog.getByRole('button', { name: 'I have saved it' }).click()
  await page.getByRole('button', { name: 'Actions for pipeline' }).click()
  await page.getByRole('menuitem', { name: 'End it' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'End it' }).click()
  await expect
    .poll(async () => (await fetch(`${url}/api/v1/me`, { headers: { authorization: `Bearer ${token}` } })).status)
    .toBe(401)
})

test('somebody is invited into a project and accepts', async ({ page, browser }) => {
  const owner = await movedIn(page, 0)
  await page.goto('/projects')
  await page.getByRole('button', { name: 'New project' }).click()
  await page.getByRole('dialog').getByLabel('Name').fill('Guild')
  await page.getByRole('dialog').getByRole('button', { name: 'New project' }).click()
  await expect(page.getByRole('heading', { name: 'Guild' })).toBeVisible()
  const context = await browser.newContext({ baseURL: house().url, locale: 'en-GB' })
  const other = await context.newPage()
  const friend = await movedIn(other, 0)
  await page.getByRole('button', { name: 'Invite' }).click()
  await page.getByRole('dialog').getByLabel('E-mail address').fill(friend.email)
  await page.getByRole('dialog').getByRole('button', { name: 'Invite' }).click()
  await expect(page.getByText(friend.email).first()).toBeVisible()
  await other.goto('/')
  await expect(other.getByText('You are invited into Guild.')).toBeVisible()
  await other.goto('/invitations')
  await expect(other.getByText('Guild', { exact: true })).toBeVisible()
  await other.getByRole('button', { name: 'Accept' }).first().click()
  await expect(other.getByRole('heading', { name: 'Guild' })).toBeVisible()
  await expect(other.getByText(owner.email)).toBeVisible()
  await context.close()
})

test('a lease is paid with credits and can be renewed', async ({ page }) => {
  test.setTimeout(120_000)
  await movedIn(page)
  await page.goto('/leases-new')
  await page.getByLabel('Name', { exact: true }).fill('rented-1')
  await page.getByRole('button', { name: 'Pay and rent' }).click()
  const saved = page.getByRole('button', { name: 'I have saved it' })
  await saved.click({ timeout: 60_000 })
  await expect(page.getByRole('heading', { name: 'rented-1' })).toBeVisible()
  await expect(page.getByText('Active', { exact: true })).toBeVisible({ timeout: 60_000 })
  await page.getByRole('button', { name: 'Renew' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Renew' }).click()
  await expect(page.getByText('The time is added')).toBeVisible({ timeout: 60_000 })
})

test('an administrator is shown what looks after the house; others are told that there is nothing', async ({
  page,
}) => {
  await movedIn(page, 0)
  await page.goto('/admin')
  await expect(page.getByText('There is nothing here')).toBeVisible()
  const admin = await administrator()
  const { cookies } = await admin.storageState()
  await page.context().clearCookies()
  await page.context().addCookies(cookies)
  await page.goto('/admin')
  await expect(page.getByRole('heading', { name: 'The house' })).toBeVisible()
})
