import type { Page } from '@playwright/test'
import { admin, adminIds, withId } from '../pages.mjs'
import { accessible, administrator, expect, guarded, house, movedIn, test } from './house'
import { foreignCluster } from './sim'

const unique = () => Date.now().toString(36) + Math.floor(Math.random() * 1000).toString(36)

/** The administrator on a page. */
async function asAdmin(page: Page) {
  const { url, password } = house()
  const answer = await page.request.post('/api/v1/sessions', {
    data: { email: 'admin@inn.example', password },
    headers: { origin: url },
  })
  expect(answer.status()).toBe(201)
}

/** Somebody with an account, made by HTTP. */
async function somebody(name: string) {
  const api = await administrator()
  const email = `${name.toLowerCase().replace(/\W+/g, '-')}@example.org`
  const data = { name, email, password: `a password of ${name}`, role: 'user' }
  const made = await api.post('/api/v1/users', { data })
  expect(made.status(), await made.text()).toBe(201)
  const user = (await made.json()) as { id: string; personal_project: string }
  await api.dispose()
  return { email, ...user }
}

const act = async (page: Page, name: string, deed: string | RegExp) => {
  await page
    .getByRole('button', { name: `Actions for ${name}` })
    .first()
    .click()
  await page.getByRole('menuitem', { name: deed }).click()
  return page.getByRole('dialog')
}

test('looks after users: finds, credits, promotes, suspends, bans, and acts for one', async ({ page }) => {
  const name = `Ines ${unique()}`
  const user = await somebody(name)
  await asAdmin(page)
  await page.goto('/admin/users')
  await page.getByRole('searchbox', { name: 'Name or e-mail address' }).fill(user.email)
  // Nobody else is listed once what was typed is looked for.
  await expect(page.getByRole('button', { name: /^Actions for/ })).toHaveCount(1)
  await expect(page.getByRole('link', { name })).toBeVisible()

  let dialog = await act(page, name, 'Give credits')
  await dialog.getByLabel('Credits').fill('12.5')
  await dialog.getByRole('button', { name: 'Give', exact: true }).click()
  await expect(dialog.getByText('Please fill this in')).toBeVisible()
  await dialog.getByLabel('Reason').fill('Welcome')
  await dialog.getByRole('button', { name: 'Give', exact: true }).click()
  await expect(page.getByText('It is in the ledger')).toBeVisible()

  dialog = await act(page, name, 'Change the role')
  await dialog.getByLabel('Role').click()
  await page.getByRole('option', { name: 'Operator' }).click()
  await dialog.getByRole('button', { name: 'Change the role' }).click()
  await expect(dialog).toBeHidden()

  dialog = await act(page, name, 'Suspend')
  await dialog.getByLabel('Reason').fill('An invoice is open')
  await accessible(page, 'suspending')
  await dialog.getByRole('button', { name: 'Suspend' }).click()
  await expect(page.getByRole('main').getByText('Suspended').last()).toBeVisible()
  dialog = await act(page, name, 'End the suspension')
  await dialog.getByRole('button', { name: 'End the suspension' }).click()
  await expect(dialog).toBeHidden()

  await page.getByRole('link', { name }).click()
  await expect(page.getByRole('heading', { level: 1, name })).toBeVisible()
  await expect(page.getByText('12.50')).toBeVisible()
  await page.getByRole('button', { name: 'Actions', exact: true }).click()
  await page.getByRole('menuitem', { name: 'Ban' }).click()
  await page.getByRole('dialog').getByLabel('Reason').fill('Mischief')
  await page.getByRole('dialog').getByRole('button', { name: 'Ban' }).click()
  await expect(page.getByRole('alert').or(page.getByText('Mischief')).first()).toBeVisible()
  await page.getByRole('button', { name: 'Actions', exact: true }).click()
  await page.getByRole('menuitem', { name: 'End the ban' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'End the ban' }).click()
  await expect(page.getByText('Mischief')).toBeHidden()

  await page.getByRole('button', { name: 'Actions', exact: true }).click()
  await page.getByRole('menuitem', { name: 'Act for them' }).click()
  await page.getByRole('dialog').getByLabel('Reason').fill('They asked for help')
  await page.getByRole('dialog').getByRole('button', { name: 'Act for them' }).click()
  await expect(page.getByText(`You are acting for ${name}`)).toBeVisible()
  await page.getByRole('button', { name: 'Stop', exact: true }).click()
  await expect(page.getByRole('heading', { level: 1, name: 'Users' })).toBeVisible()
  await expect(page.getByText('You are acting for')).toBeHidden()
})

test('adds a cluster by its fingerprint, adopts a guest after a dry run, and settles its drift', async ({ page }) => {
  test.setTimeout(180_000)
  const there = await foreignCluster()
  try {
    const name = `c-${unique()}`
    const guest = `ledger-${name}`
    await there.container(101, guest)
    await asAdmin(page)
    await page.goto('/admin/clusters-new')
    await page.getByLabel('Address 1').fill(there.url)
    await page.getByRole('button', { name: 'See its certificate' }).click()
    await expect(page.getByText(there.fingerprint)).toBeVisible()
    await page.getByLabel('I have compared it, and it is the same').check()
    await page.getByLabel('Token', { exact: true }).fill(there.token_id)
    await page.getByLabel('Its secret').fill('00000000-0000-4000-8000-000000000000')
    await page.getByLabel('Name', { exact: true }).fill(name)
    await page.getByRole('button', { name: 'Add a cluster' }).click()
    await expect(page.getByRole('alert').last()).toBeVisible()
    await page.getByLabel('Its secret').fill(there.secret)
    await page.getByRole('button', { name: 'Test', exact: true }).click()
    await expect(page.getByRole('heading', { name: 'Everything works' })).toBeVisible()
    await page.getByRole('button', { name: 'Add a cluster' }).click()
    await expect(page.getByRole('heading', { level: 1, name })).toBeVisible()

    await page.getByRole('link', { name: 'Guests' }).click()
    await page.getByRole('button', { name: `Adopt: ${guest}` }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('button', { name: 'Try it' }).click()
    await expect(dialog.getByText('innkeeper-instance:')).toBeVisible()
    await accessible(page, 'adopting')
    await dialog.getByRole('button', { name: 'Adopt 1' }).click()
    await page.getByRole('link', { name: 'Adoptions' }).click()
    await expect(page.getByText('Adopted', { exact: true })).toBeVisible()

    await there.change(101, { cores: 4 })
    await page.goto('/admin/instances?only=drift')
    const changed = page.getByRole('region', { name: guest })
    await expect(changed.getByText('Changed: cores')).toBeVisible({ timeout: 60_000 })
    await accessible(page, 'drift')
    await page.getByRole('button', { name: `Take what was found: ${guest}` }).click()
    await dialog.getByRole('button', { name: 'Take what was found' }).click()
    await expect(changed).toBeHidden()

    await page.goto('/admin/clusters')
    await page.getByRole('link', { name, exact: true }).click()
    await page.getByRole('link', { name: 'Adoptions' }).click()
    await act(page, guest, 'Give it back')
    await dialog.getByRole('textbox').fill(guest)
    await dialog.getByRole('button', { name: 'Give it back' }).click()
    await expect(page.getByText('Given back', { exact: true })).toBeVisible()
    await page.getByRole('button', { name: 'Actions', exact: true }).click()
    await page.getByRole('menuitem', { name: 'Close for new instances' }).click()
    await dialog.getByRole('button', { name: 'Close for new instances' }).click()
    await expect(page.getByText('Closed', { exact: true })).toBeVisible()
  } finally {
    await there.end()
  }
})

test('empties a node after its plan was seen, and ends the maintenance', async ({ page }) => {
  await asAdmin(page)
  await page.goto('/admin/clusters')
  await page.getByRole('link', { name: 'lodge', exact: true }).click()
  const dialog = await act(page, 'elm', 'Drain…')
  await expect(dialog.getByRole('button', { name: 'Begin to drain' })).toBeEnabled()
  await accessible(page, 'the plan of a drain')
  await dialog.getByRole('button', { name: 'Begin to drain' }).click()
  const drain = page.getByRole('article', { name: 'Drain of elm' }).first()
  await expect(drain.getByText(/^(Done|Some remain)$/)).toBeVisible({ timeout: 60_000 })
  await page.getByRole('link', { name: 'Nodes', exact: true }).click()
  await expect(page.getByRole('article', { name: 'elm' }).getByText('Maintenance', { exact: true })).toBeVisible()
  await act(page, 'elm', 'End maintenance')
  await dialog.getByRole('button', { name: 'End maintenance' }).click()
  await expect(page.getByRole('article', { name: 'elm' }).getByText('Online')).toBeVisible()
})

test('makes a template with its source, a plan with its price, and new prices', async ({ page }) => {
  const name = `Thing ${unique()}`
  await asAdmin(page)
  await page.goto('/admin/catalogue')
  await page.getByRole('button', { name: 'New template' }).first().click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name', { exact: true }).fill(name)
  await accessible(page, 'a new template')
  await dialog.getByRole('button', { name: 'New template' }).click()
  await expect(page.getByRole('main').getByText(name)).toBeVisible()
  await act(page, name, 'Sources')
  await expect(dialog.getByText('No cluster has it yet.')).toBeVisible()
  await dialog.getByRole('combobox', { name: 'Clusters' }).or(dialog.getByLabel('Clusters')).first().click()
  await page.getByRole('option', { name: 'lodge' }).click()
  await dialog.getByLabel('Volume').fill('local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst')
  await dialog.getByRole('button', { name: 'Add a source' }).click()
  await expect(dialog.getByText('every node', { exact: false }).first()).toBeVisible()
  await dialog.getByRole('button', { name: 'Close' }).click()
  await act(page, name, 'Offer it no longer')
  await dialog.getByRole('button', { name: 'Offer it no longer' }).click()
  await expect(page.getByText('Not offered')).not.toHaveCount(0)

  await page.getByRole('link', { name: 'Plans', exact: true }).click()
  await page.getByRole('button', { name: 'New plan' }).first().click()
  await dialog.getByLabel('Name', { exact: true }).fill(name)
  await dialog.getByText('Its own price').click()
  await dialog.getByLabel('Running, an hour').fill('0.5')
  await dialog.getByRole('button', { name: 'New plan' }).click()
  await expect(page.getByRole('main').getByText(name)).toBeVisible()
  await act(page, name, 'Set the price')
  await dialog.getByText('By price list').click()
  await dialog.getByRole('button', { name: 'Set the price' }).click()
  await expect(dialog).toBeHidden()

  await page.getByRole('link', { name: 'Prices', exact: true }).click()
  await page.getByRole('button', { name: 'New prices' }).click()
  await dialog.getByLabel('Core').first().fill('0.005')
  await dialog.getByRole('button', { name: 'New prices' }).click()
  await expect(page.getByRole('heading', { name: 'Before' })).toBeVisible()
})

test('makes a network with a pool, a disc, vouchers and an invitation', async ({ page }) => {
  const name = `n-${unique()}`
  await asAdmin(page)
  const dialog = page.getByRole('dialog')
  await page.goto('/admin/networks')
  await page.getByRole('button', { name: 'Add a network' }).first().click()
  await dialog.getByLabel('Name', { exact: true }).fill(name)
  await dialog.getByRole('combobox', { name: 'Cluster' }).or(dialog.getByLabel('Cluster')).first().click()
  await page.getByRole('option', { name: 'lodge' }).click()
  await dialog.getByLabel(/^VLAN/).fill(String(100 + Math.floor(Math.random() * 3000)))
  await dialog.getByRole('button', { name: 'Add a network' }).click()
  await page.getByRole('link', { name }).click()
  await page.getByRole('button', { name: 'Add a pool' }).click()
  await dialog.getByLabel('Range').fill('198.51.100.0/24')
  await dialog.getByRole('button', { name: 'Add a pool' }).click()
  await expect(page.getByText('198.51.100.0/24')).toBeVisible()
  await page.getByRole('button', { name: 'Keep an address' }).click()
  await dialog.getByLabel('Address').fill('198.51.100.9')
  await dialog.getByLabel('What for').fill('The printer')
  await dialog.getByRole('button', { name: 'Keep an address' }).click()
  await expect(page.getByText('The printer')).toBeVisible()
  await page.getByRole('button', { name: 'Give it back: 198.51.100.9' }).click()
  await dialog.getByRole('button', { name: 'Give it back' }).click()
  await expect(page.getByText('The printer')).toBeHidden()

  await page.goto('/admin/isos')
  await page.getByRole('button', { name: 'Offer a disc' }).first().click()
  await dialog.getByLabel('Name', { exact: true }).fill(name)
  await dialog.getByRole('combobox', { name: 'Cluster' }).or(dialog.getByLabel('Cluster')).first().click()
  await page.getByRole('option', { name: 'lodge' }).click()
  await dialog.getByLabel('Volume').fill(`local:iso/${name}.iso`)
  await dialog.getByRole('button', { name: 'Offer a disc' }).click()
  await act(page, name, 'Offer it no longer')
  await dialog.getByRole('button', { name: 'Offer it no longer' }).click()
  await expect(page.getByRole('button', { name: `Actions for ${name}` })).toBeHidden()

  await page.goto('/admin/vouchers')
  await page.getByRole('button', { name: 'Make vouchers' }).first().click()
  await dialog.getByLabel(/^What for/).fill(name)
  await dialog.getByRole('button', { name: 'Make vouchers' }).click()
  await expect(dialog.getByRole('textbox', { name: 'Secret' })).toHaveText(/\w{4}-\w{4}/)
  await dialog.getByRole('button', { name: 'I have saved it' }).click()
  await expect(page.getByText(name)).toBeVisible()

  await page.goto('/admin/invitations')
  await page.getByRole('button', { name: 'Invite somebody' }).first().click()
  await dialog.getByRole('button', { name: 'Invite somebody' }).click()
  await expect(dialog.getByRole('textbox', { name: 'Secret' })).toHaveText(/^http/)
  await dialog.getByRole('button', { name: 'I have saved it' }).click()
  await act(page, 'whoever has the link', 'Take it back')
  await dialog.getByRole('button', { name: 'Take it back' }).click()
  await expect(dialog).toBeHidden()
})

test('verifies the log, sees what is sold, and how work goes', async ({ page }) => {
  await asAdmin(page)
  const dialog = page.getByRole('dialog')
  await page.goto('/admin/audit')
  await page.getByLabel('What', { exact: true }).fill('session.create')
  await expect(page).toHaveURL(/action=session\.create/)
  await page.getByRole('button', { name: 'session.create' }).first().click()
  await expect(dialog.getByText('Session or key').or(dialog.getByText('Number'))).not.toHaveCount(0)
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Verify', exact: true }).click()
  await dialog.getByRole('button', { name: 'Verify now' }).click()
  await expect(dialog.getByText('The log is whole')).toBeVisible()
  await page.goto('/admin/operations')
  await expect(page.getByText('Health')).toBeVisible()
  await expect(page.getByText('Live', { exact: true })).toBeVisible()
  await page.goto('/admin/finance?days=7')
  await expect(page.getByText('Credits outstanding')).toBeVisible()
  await page.goto('/admin/leases/terms')
  await expect(page.getByText('Price of an order')).toBeVisible()
})

test('an operator sees why money and people are not for them, a guest sees nothing', async ({ page }) => {
  const guest = await movedIn(page)
  await page.goto('/admin/users')
  await expect(page.getByRole('heading', { name: 'There is nothing here' })).toBeVisible()
  const api = await administrator()
  const changed = await api.patch(`/api/v1/users/${guest.id}`, { data: { role: 'operator' } })
  expect(changed.ok(), await changed.text()).toBe(true)
  await api.dispose()
  await page.goto('/admin/vouchers')
  const make = page.getByRole('button', { name: 'Make vouchers' }).first()
  await expect(make).toHaveAttribute('aria-disabled', 'true')
  await page.goto('/admin/clusters')
  await expect(page.getByRole('link', { name: 'lodge', exact: true })).toBeVisible()
})

const looks = [
  ['dark', 'en'],
  ['light', 'fr'],
  ['dark', 'fr'],
  ['light', 'en'],
] as const

for (const [scheme, locale] of looks) {
  test(`every page of those who look after the house can be used by everybody, ${scheme}, ${locale}`, async ({
    page,
  }) => {
    test.setTimeout(400_000)
    await page.addInitScript(
      ([scheme, locale]) => {
        localStorage.setItem('color-scheme', scheme)
        localStorage.setItem('locale', locale)
      },
      [scheme, locale] as const,
    )
    await asAdmin(page)
    await guarded()
    const ids = await adminIds(page.request)
    for (const path of admin.map((one) => withId(one, ids))) {
      await page.goto(path)
      await expect(page.locator('h1')).not.toHaveCount(0)
      await page.waitForLoadState('networkidle').catch(() => undefined)
      await accessible(page, path)
    }
  })
}
