import type { APIRequestContext, Page } from '@playwright/test'
import { accessible, administrator, asAdmin, expect, house, instance, movedIn, quiet, test } from './house'

const unique = () => Date.now().toString(36) + Math.floor(Math.random() * 1000).toString(36)

type Named = { id: string; name: string; node?: string; state?: string }
const list = async (api: APIRequestContext, path: string): Promise<Named[]> =>
  (await (await api.get(`/api/v1/${path}`)).json()).items

/** The node is nobody's host, whatever another test left behind. */
async function free(api: APIRequestContext, node: string) {
  for (const host of (await list(api, 'hosts')).filter((one) => one.node === node)) {
    for (const service of await list(api, 'services'))
      if (service.name.startsWith('e2e-')) await api.delete(`/api/v1/services/${service.id}`)
    // Left asleep it would stay so when nobody looks after it any more.
    const at = `/api/v1/hosts/${host.id}`
    if (host.state === 'off') await api.post(`${at}/wake`, { data: {} })
    await expect.poll(async () => (await (await api.get(at)).json()).state, { timeout: 60_000 }).toBe('ready')
    const gone = await api.delete(at)
    expect(gone.status(), await gone.text()).toBe(204)
  }
}

/** Nothing runs on the node, whatever other tests have put there: it is emptied, and then open again. */
async function vacate(api: APIRequestContext, node: string) {
  const [cluster] = (await list(api, 'clusters')).filter((one) => one.name === 'lodge')
  const at = `/api/v1/clusters/${cluster?.id}/nodes/${node}`
  const asked = await api.post(`${at}/drain`, { data: {} })
  expect(asked.ok(), await asked.text()).toBe(true)
  const { id } = await asked.json()
  await expect
    .poll(async () => JSON.stringify(await (await api.get(`/api/v1/drains/${id}`)).json()), { timeout: 120_000 })
    .toContain('"state":"done"')
  const opened = await api.patch(at, { data: { maintenance: false } })
  expect(opened.ok(), await opened.text()).toBe(true)
}

/** What is done to the host whose page is shown, by the menu. */
const act = async (page: Page, deed: string | RegExp) => {
  await page.getByRole('button', { name: 'Actions', exact: true }).click()
  await page.getByRole('menuitem', { name: deed }).click()
}

/** Where the host stands, as the great thing of its page. */
const stands = (page: Page, state: string) =>
  expect(page.getByRole('region', { name: 'State' }).getByRole('heading', { name: state, exact: true })).toBeVisible({
    timeout: 60_000,
  })

test('registers a host, lays it to rest, sees it off, wakes it, and keeps it awake', async ({ page }) => {
  test.setTimeout(360_000)
  const api = await administrator()
  await free(api, 'elm')
  await vacate(api, 'elm')
  const name = `e2e-${unique()}`
  await asAdmin(page)
  await page.goto('/admin/hosts-new')
  await page.getByRole('combobox', { name: 'Cluster' }).click()
  await page.getByRole('option', { name: 'lodge' }).click()
  await page.getByRole('combobox', { name: 'Node' }).click()
  await page.getByRole('option', { name: 'elm' }).click()
  await page.getByLabel('Name', { exact: true }).fill(name)
  await page.getByText('By a magic packet', { exact: true }).click()
  await page.getByLabel('Hardware address').fill('not an address')
  await page.getByRole('button', { name: 'Add a host' }).click()
  // What the house refuses stands beside its field.
  await expect(page.getByLabel('Hardware address')).toHaveAttribute('aria-invalid', 'true')
  await page.getByText('By another node', { exact: true }).click()
  await page.getByLabel('Countdown').fill('20')
  await page.getByLabel('Quiet for').fill('30')
  await page.getByLabel(/^Draw when awake/).fill('60')
  await page.getByLabel('See how it is').check()
  await page.getByRole('button', { name: 'Add a host' }).click()
  await expect(page.getByRole('heading', { level: 1, name })).toBeVisible()
  await stands(page, 'Awake')
  await expect(page.getByRole('list', { name: 'What needs it' }).getByText('Nobody asks for it')).toBeVisible()
  await accessible(page, 'a host that is awake')

  await page.getByRole('button', { name: 'Put to sleep' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('button', { name: 'The same at the command line' }).click()
  await expect(dialog.getByText(`innkeeper host sleep ${name}`)).toBeVisible()
  await dialog.getByRole('button', { name: 'Put to sleep' }).click()
  await stands(page, 'About to sleep')
  await page.getByRole('timer').getByRole('button', { name: 'Call off' }).click()
  await stands(page, 'Awake')

  await page.getByRole('button', { name: 'Put to sleep' }).click()
  await dialog.getByRole('button', { name: 'Put to sleep' }).click()
  await stands(page, 'About to sleep')
  await accessible(page, 'a host about to sleep')
  await stands(page, 'Asleep')
  await expect(page.getByRole('img', { name: /^Day: .*Asleep/ })).toBeVisible()
  await accessible(page, 'a host that sleeps')

  await page.getByRole('button', { name: 'Wake', exact: true }).click()
  await expect(page.getByRole('heading', { name: 'On its way up' })).toBeVisible()
  await stands(page, 'Awake')

  await act(page, 'Keep awake…')
  await dialog.getByText('4 hours').click()
  await accessible(page, 'keeping awake')
  await dialog.getByRole('button', { name: 'Keep awake' }).click()
  await expect(page.getByText('Kept awake until', { exact: true })).toBeVisible()
  await expect(page.getByRole('list', { name: 'What needs it' }).getByText('It is kept awake')).toBeVisible()
  await act(page, 'Keep awake no longer')
  await expect(page.getByText('Kept awake until', { exact: true })).toBeHidden()

  await page.getByRole('link', { name: 'Turn by turn' }).click()
  await expect(page.getByRole('list', { name: 'Turn by turn' }).getByText('Asleep').first()).toBeVisible()
  await accessible(page, 'its turns')
  await page.goto('/admin/hosts')
  await page.getByRole('link', { name, exact: true }).first().click()
  await expect(page.getByRole('list', { name: 'What the check found' }).getByText('It can be woken')).toBeVisible()
  await api.dispose()
})

test('a service is added, looked at, restarted once, and refused until when', async ({ page }) => {
  test.setTimeout(240_000)
  const name = `e2e-${unique()}`
  // Somebody of their own, since everybody may have something restarted once in ten minutes.
  const guest = await movedIn(page)
  await instance(page, guest, name)
  const api = await administrator()
  const promoted = await api.patch(`/api/v1/users/${guest.id}`, { data: { role: 'operator' } })
  expect(promoted.ok(), await promoted.text()).toBe(true)
  await api.dispose()
  await page.goto('/admin/services-new')
  await page.getByLabel('Name', { exact: true }).fill(name)
  await page.getByRole('combobox', { name: 'Kind' }).click()
  await page.getByRole('option', { name: 'TCP' }).click()
  await page.getByRole('combobox', { name: 'Instance' }).click()
  await page.getByRole('option', { name, exact: true }).click()
  await page.getByLabel(/^Address( \(|$)/).fill('127.0.0.1')
  await page.getByLabel('Address to join').fill('play.inn.example')
  await page.getByLabel('Port', { exact: true }).fill(new URL(house().url).port)
  await page.getByLabel('See how it is').check()
  await page.getByRole('button', { name: 'Add a service' }).click()
  await expect(page.getByRole('heading', { level: 1, name })).toBeVisible()
  await stands(page, 'Up')
  await expect(page.getByText(`127.0.0.1:${new URL(house().url).port}`).first()).toBeVisible()
  await accessible(page, 'a service that is up')

  const dialog = page.getByRole('dialog')
  await page.getByRole('button', { name: 'Restart', exact: true }).click()
  await accessible(page, 'restarting')
  await dialog.getByRole('button', { name: 'Restart', exact: true }).click()
  await expect(dialog).toBeHidden()
  const refused = page.getByText('You had a restart less than ten minutes ago.')
  await expect(page.getByRole('heading', { name: 'Restart under way' })).toBeVisible()
  await expect(page.getByRole('heading', { name: 'Restarts', exact: true })).toBeVisible()
  await expect(page.getByRole('button', { name: /Up again after/ })).toBeVisible({ timeout: 120_000 })

  await page.getByRole('button', { name: 'Restart', exact: true }).click()
  await dialog.getByRole('button', { name: 'Restart', exact: true }).click()
  await expect(dialog.getByText('You had a restart less than ten minutes ago.')).toBeVisible()
  await dialog.getByRole('button', { name: 'Cancel' }).click()
  await expect(refused).toBeVisible()
  await expect(page.getByRole('button', { name: 'Restart', exact: true })).toHaveAttribute('aria-disabled', 'true')

  await page.getByRole('main').getByRole('link', { name: 'Settings' }).click()
  await page.getByLabel('Ready within').fill('120')
  await page.getByRole('button', { name: 'Save' }).click()
  await expect(page.getByText(`${name} is changed`)).toBeVisible()
  await quiet(page)
  await page.getByRole('button', { name: 'Look after it no longer' }).click()
  await dialog.getByRole('textbox').fill(name)
  await dialog.getByRole('button', { name: 'Look after it no longer' }).click()
  await expect(page.getByRole('heading', { level: 1, name: 'Services' })).toBeVisible()
  await expect(page.getByText(name, { exact: true })).toHaveCount(0)
})

test('a guest sees what is open to everybody, and why the rest is not for them', async ({ page }) => {
  const api = await administrator()
  await free(api, 'elm')
  const [cluster] = (await list(api, 'clusters')).filter((one) => one.name === 'lodge')
  const name = `e2e-${unique()}`
  const made = await api.post('/api/v1/hosts', {
    data: { name, cluster_id: cluster?.id, node: 'elm', profile: { wake: { by: 'cluster' }, users_may: ['see'] } },
  })
  expect(made.status(), await made.text()).toBe(201)
  const host = (await made.json()) as Named
  const guest = await movedIn(page)
  await instance(page, guest, 'neighbour-1')
  await page.goto('/')
  await page.getByRole('main').getByRole('link', { name }).click()
  await expect(page.getByRole('heading', { level: 1, name })).toBeVisible()
  await stands(page, 'Awake')
  const sleep = page.getByRole('button', { name: 'Put to sleep' })
  await expect(sleep).toHaveAttribute('aria-disabled', 'true')
  await sleep.hover()
  await expect(page.getByText('The house does not let you do that')).toBeVisible()
  await expect(page.getByText('elm', { exact: true })).toHaveCount(0)
  await expect(page.getByRole('main').getByRole('link', { name: 'Settings' })).toHaveCount(0)
  await page.goto(`/admin/hosts/${host.id}`)
  await expect(page.getByRole('heading', { name: 'There is nothing here' })).toBeVisible()
  await free(api, 'elm')
  await api.dispose()
})
