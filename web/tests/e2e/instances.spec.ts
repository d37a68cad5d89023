import { longList } from '../rows.mjs'
import { accessible, answered, expect, house, instance, movedIn, test } from './house'

test('a snapshot, a command, another size, and the trash', async ({ page }) => {
  test.setTimeout(240_000)
  const guest = await movedIn(page)
  const id = await instance(page, guest, 'work-1')

  await page.goto(`/instances/${id}/snapshots`)
  await page.getByRole('button', { name: 'Take a snapshot' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name').fill('before')
  await dialog.getByRole('button', { name: 'Take a snapshot' }).click()
  await expect(page.getByText('before', { exact: true })).toBeVisible({ timeout: 60_000 })
  await accessible(page, 'snapshots')

  await page.goto(`/instances/${id}/commands`)
  await page.getByLabel('Command', { exact: true }).fill('echo out; echo err >&2; exit 3')
  await page.getByRole('button', { name: 'Run', exact: true }).click()
  await expect(page.getByText('Exit code 3')).toBeVisible({ timeout: 60_000 })
  await expect(page.getByText('out', { exact: true })).toBeVisible()

  await page.goto(`/instances/${id}/settings`)
  await page.getByRole('button', { name: 'Resize' }).click()
  await page.getByRole('radio', { name: /Small/ }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Resize' }).click()
  await expect(page.getByText('1 core · 1 GiB · 10 GiB').first()).toBeVisible({ timeout: 60_000 })

  // What cannot be done says why.
  await page.getByRole('button', { name: 'Protect', exact: true }).click()
  await expect(page.getByRole('button', { name: 'Take the protection off' })).toBeVisible()
  const barred = page.getByRole('button', { name: 'Delete for good' })
  await expect(barred).toHaveAttribute('aria-disabled', 'true')
  await page.getByRole('button', { name: 'Take the protection off' }).click()
  await expect(page.getByRole('button', { name: 'Protect', exact: true })).toBeVisible()

  await page.getByRole('button', { name: 'Delete for good' }).click()
  const ask = page.getByRole('dialog')
  await ask.getByRole('textbox').fill('work-2')
  await ask.getByRole('button', { name: 'Delete for good' }).click()
  await expect(ask.getByText('That is not the name')).toBeVisible()
  await accessible(page, 'the question before deleting')
  await ask.getByRole('textbox').fill('work-1')
  await ask.getByRole('button', { name: 'Delete for good' }).click()
  await expect(ask).toBeHidden()
  await page.goto('/instances')
  await expect(page.getByText('No instance yet')).toBeVisible({ timeout: 60_000 })
})

test('what somebody else does is shown at once, without a question', async ({ page }, { annotations }) => {
  const guest = await movedIn(page)
  const id = await instance(page, guest, 'live-1')
  await page.goto('/instances')
  const row = page.getByRole('row', { name: /live-1/ }).or(page.getByRole('listitem').filter({ hasText: 'live-1' }))
  await expect(row.getByText('Running')).toBeVisible()
  // The row itself notes when it is another.
  await row.evaluate((element) => {
    const before = element.textContent
    const watch = new MutationObserver(() => {
      if (element.textContent === before) return
      watch.disconnect()
      element.setAttribute('data-changed-at', String(Date.now()))
    })
    watch.observe(element, { subtree: true, childList: true, characterData: true })
  })
  const { url } = house()
  const asked = Date.now()
  const answer = await page.request.post(`/api/v1/instances/${id}/stop`, { headers: { origin: url } })
  const answered = Date.now()
  expect(answer.status()).toBe(202)
  await expect(row).toHaveAttribute('data-changed-at', /\d+/)
  const changed = Number(await row.getAttribute('data-changed-at'))
  const figure = `${changed - asked} ms after another client asked, ${changed - answered} ms after the house had answered`
  annotations.push({ type: 'the row changed', description: figure })
  console.log(`the row changed ${figure}`)
  await expect(row.getByText('Stopped')).toBeVisible({ timeout: 30_000 })
})

test('what happens before a page hears anything is shown too', async ({ page }) => {
  const guest = await movedIn(page)
  const id = await instance(page, guest, 'late-1')
  let open = () => {}
  const later = new Promise<void>((resolve) => {
    open = resolve
  })
  await page.route(/\/api\/v1\/events/, (route) => later.then(() => route.continue()))
  await page.goto(`/instances/${id}`)
  const main = page.getByRole('main')
  await expect(main.getByText('Running', { exact: true }).first()).toBeVisible()
  const { url } = house()
  const answer = await page.request.post(`/api/v1/instances/${id}/stop`, { headers: { origin: url } })
  const { id: operation } = await answer.json()
  const { state } = await (await page.request.get(`/api/v1/operations/${operation}?wait=10s`)).json()
  expect(state).toBe('succeeded')
  open()
  await expect(main.getByText('Stopped', { exact: true }).first()).toBeVisible()
})

test('filters are in the address, and many are changed at once', async ({ page }) => {
  test.setTimeout(180_000)
  const guest = await movedIn(page)
  await instance(page, guest, 'many-1')
  await instance(page, guest, 'many-2', 'Alpine 3.22')
  await page.goto('/instances')
  const row = (name: string) =>
    page.getByRole('row', { name: new RegExp(name) }).or(page.getByRole('listitem').filter({ hasText: name }))
  const bulk = async (name: string) => {
    await page.getByRole('checkbox', { name: 'Select many-1' }).click()
    await page.getByRole('checkbox', { name: 'Select many-2' }).click()
    await page.getByRole('region', { name: '2 selected' }).getByRole('button', { name, exact: true }).click()
  }
  await bulk('Cut off')
  const ask = page.getByRole('dialog')
  await expect(ask.getByText(/many-1, many-2|many-2, many-1/)).toBeVisible()
  await accessible(page, 'the question before stopping many')
  await ask.getByRole('button', { name: 'Cut off', exact: true }).click()
  for (const name of ['many-1', 'many-2']) await expect(row(name).getByText('Stopped')).toBeVisible({ timeout: 30_000 })

  await page.getByRole('searchbox').pressSequentially('zzz', { delay: 250 })
  await expect(page.getByText('Nothing matches')).toBeVisible()
  await expect(page).toHaveURL(/q=zzz/)
  await expect(page.getByRole('searchbox')).toHaveValue('zzz')
  await page.getByRole('button', { name: 'Clear the filters' }).click()
  await expect(page.getByRole('searchbox')).toHaveValue('')
  await expect(page.getByRole('link', { name: 'many-2' })).toBeVisible()
  await page.goto('/instances?state=running')
  await expect(page.getByText('Nothing matches')).toBeVisible()
  await page.goto('/instances?state=stopped')
  await answered(page, 'POST', '/instances/bulk', () => bulk('Start'))
  await page.goto('/instances')
  for (const name of ['many-1', 'many-2']) await expect(row(name).getByText('Running')).toBeVisible({ timeout: 30_000 })
})

test('of 5,000 only those are drawn at which one looks', async ({ page }) => {
  const guest = await movedIn(page)
  await instance(page, guest, 'one-1')
  await longList(page, 5000)
  await page.goto('/instances')
  await expect(page.getByText(/^5\D?000 instances/)).toBeVisible()
  const drawn = page.getByRole('checkbox', { name: /^Select room/ })
  await expect(page.getByRole('link', { name: 'room-1', exact: true })).toBeVisible()
  expect(await drawn.count()).toBeLessThan(100)
  await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight))
  await expect(page.getByRole('link', { name: 'room-5000' })).toBeVisible()
  expect(await drawn.count()).toBeLessThan(100)
  await page.getByRole('searchbox').fill('room-49')
  await expect(page.getByText('111 instances')).toBeVisible()
})

test('the screen of a virtual machine is shown', async ({ page }) => {
  test.setTimeout(180_000)
  const guest = await movedIn(page, 50)
  const id = await instance(page, guest, 'screen-1', 'Debian 12 VM')
  await page.goto(`/instances/${id}/console`)
  await page.getByText('Screen', { exact: true }).click()
  await page.getByRole('button', { name: 'Open', exact: true }).click()
  await expect(page.getByRole('status').filter({ hasText: 'Open' })).toBeVisible()
  const canvas = page.locator('.console canvas')
  await expect(canvas).toBeVisible()
  /** How much of it has each colour, the most first. */
  const colours = () =>
    canvas.evaluate((element: HTMLCanvasElement) => {
      const { data } = element.getContext('2d')?.getImageData(0, 0, element.width, element.height) ?? { data: [] }
      const found = new Map<number, number>()
      for (const pixel of new Uint32Array(new Uint8Array(data).buffer)) found.set(pixel, (found.get(pixel) ?? 0) + 1)
      return [...found.values()].sort((a, b) => b - a)
    })
  // Something is on it: not all of it has one colour.
  await expect.poll(async () => (await colours()).length).toBeGreaterThan(1)
  // What is typed appears, and covers more of the ground.
  const [ground = 0] = await colours()
  await canvas.click()
  await page.keyboard.type('who wakes early sees the host asleep')
  await expect.poll(async () => (await colours())[0] ?? ground).toBeLessThan(ground)
})

test('a schedule of backups, a firewall rule, a tag', async ({ page }) => {
  test.setTimeout(180_000)
  const guest = await movedIn(page)
  const id = await instance(page, guest, 'keep-1')
  await page.goto(`/instances/${id}/backups`)
  await page.getByRole('button', { name: 'New schedule' }).click()
  await page.getByRole('dialog').getByLabel('At', { exact: true }).fill('04:30')
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click()
  await expect(page.getByText('every day 04:30')).toBeVisible()
  await page.getByRole('button', { name: 'Back up now' }).click()
  await page.getByRole('dialog').getByLabel('Note').fill('by hand')
  await page.getByRole('dialog').getByRole('button', { name: 'Back up now' }).click()
  await expect(page.getByText('by hand')).toBeVisible({ timeout: 60_000 })
  await expect(page.getByText('Ready', { exact: true })).toBeVisible({ timeout: 60_000 })

  await page.goto(`/instances/${id}/network`)
  await page.getByRole('button', { name: 'Add a rule' }).click()
  await page.getByRole('group', { name: 'Rule 1' }).getByLabel('Ports').fill('22')
  await page.getByRole('button', { name: 'Save', exact: true }).click()
  await expect(page.getByText('The firewall is being set')).toBeVisible()

  await page.goto(`/instances/${id}/settings`)
  await page.getByRole('combobox', { name: 'Tags' }).fill('blue')
  await page.keyboard.press('Enter')
  const save = page.getByRole('button', { name: 'Save the changes' })
  await answered(page, 'PATCH', `/instances/${id}`, () => save.click())
  await page.goto('/instances?q=blue')
  await expect(page.getByRole('link', { name: 'keep-1' })).toBeVisible({ timeout: 30_000 })
})
