import { test as base, expect, house, instance, movedIn, quiet } from './house'
import { Receiver } from './receiver'

const test = base.extend<{ receiver: Receiver }>({
  receiver: async ({ page: _ }, use) => {
    const receiver = await new Receiver().listen()
    await use(receiver)
    await receiver.end()
  },
})

test('a webhook is made, tested, told what happens, and deleted', async ({ page, receiver }) => {
  const guest = await movedIn(page)
  await page.goto('/webhooks')
  await expect(page.getByRole('heading', { name: 'No webhooks yet' })).toBeVisible()
  await page.getByRole('button', { name: 'New webhook' }).first().click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('What you call it').fill('deploy')
  await dialog.getByLabel('Address').fill('https://10.0.0.1/in')
  await dialog.getByLabel('Only some things').check()
  await dialog.getByRole('button', { name: 'New webhook' }).click()
  await expect(dialog.getByText('Choose at least one')).toBeVisible()
  await dialog.getByLabel('Instances').check()
  await dialog.getByRole('button', { name: 'New webhook' }).click()
  await expect(dialog.getByText(/use an address on the Internet/i)).toBeVisible()
  await dialog.getByLabel('Address').fill(receiver.url)
  await dialog.getByRole('button', { name: 'The same at the command line' }).click()
  await expect(dialog.getByText(/innkeeper webhook create .* --subject instance/)).toBeVisible()
  await dialog.getByRole('button', { name: 'New webhook' }).click()
  receiver.secret = (await dialog.getByRole('textbox', { name: 'Secret', exact: true }).innerText()).trim()
  expect(receiver.secret).toMatch(/^whsec_/)
  await dialog.getByRole('button', { name: 'I have saved it' }).click()

  await page.getByRole('link', { name: 'deploy' }).click()
  await expect(page.getByRole('heading', { name: 'deploy' })).toBeVisible()
  await page.getByRole('button', { name: 'Send a test' }).click()
  await expect.poll(() => receiver.told.map((one) => one.body.type)).toEqual(['webhook.test'])
  await expect(page.getByText('1 delivered, 0 failed, 0 pending')).toBeVisible()

  const id = await instance(page, guest, 'told-1')
  await expect
    .poll(() =>
      receiver.told.filter((one) => one.body.type === 'instance.running').map((one) => one.body.data.subject_id),
    )
    .toContain(id)
  expect(receiver.told.every((one) => /^(instance|webhook)\./.test(one.body.type))).toBe(true)
  expect(receiver.forged).toBe(0)
  await expect(page.getByText('instance.running').first()).toBeVisible()

  await quiet(page)
  await page.getByRole('button', { name: 'Actions', exact: true }).click()
  await page.getByRole('menuitem', { name: 'Delete' }).click()
  await page.getByRole('dialog').getByLabel(/Type/).fill('deploy')
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await expect(page.getByRole('heading', { name: 'No webhooks yet' })).toBeVisible()
})

test('what was not taken says why, and is resent; one that is off says so', async ({ page, receiver }) => {
  const guest = await movedIn(page)
  const made = await page.request.post(`/api/v1/projects/${guest.project}/webhooks`, {
    data: { name: 'deploy', url: receiver.url },
    headers: { origin: house().url },
  })
  expect(made.status(), await made.text()).toBe(201)
  const { webhook, secret } = await made.json()
  receiver.secret = secret
  receiver.status = 503
  await page.goto(`/webhooks/${webhook.id}`)
  await page.getByRole('button', { name: 'Send a test' }).click()
  await expect(page.getByText('503 · Not taken').first()).toBeVisible()
  await expect(page.getByText('The receiver takes nothing')).toBeVisible()
  receiver.status = 200
  await quiet(page)
  await page.getByRole('button', { name: 'Actions for webhook.test' }).click()
  await page.getByRole('menuitem', { name: 'Resend' }).click()
  await expect.poll(() => receiver.told.length).toBeGreaterThan(1)
  expect(new Set(receiver.told.map((one) => one.id)).size).toBe(1)
  await expect(page.getByText('1 delivered, 0 failed, 0 pending')).toBeVisible()
  await expect(page.getByText('The receiver takes nothing')).toBeHidden()

  await quiet(page)
  await page.getByRole('button', { name: 'Actions for webhook.test' }).click()
  await page.getByRole('menuitem', { name: 'Show what was sent' }).click()
  await expect(page.getByRole('dialog').getByRole('region', { name: 'Body' })).toContainText('webhook.test')
  await expect(page.getByRole('dialog').getByRole('cell', { name: '503 · Not taken' }).first()).toBeVisible()
  await page.keyboard.press('Escape')

  await page.getByRole('button', { name: 'Actions', exact: true }).click()
  await page.getByRole('menuitem', { name: 'New secret' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'New secret' }).click()
  const other = (await page.getByRole('textbox', { name: 'Secret', exact: true }).innerText()).trim()
  expect(other).toMatch(/^whsec_/)
  expect(other).not.toBe(secret)
  await page.getByRole('button', { name: 'I have saved it' }).click()

  await page.getByRole('button', { name: 'Actions', exact: true }).click()
  await page.getByRole('menuitem', { name: 'Switch off' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Switch off' }).click()
  await expect(page.getByText('This webhook is off')).toBeVisible()
  await expect(page.getByRole('button', { name: 'Send a test' })).toHaveAttribute('aria-disabled', 'true')
  receiver.status = 410
  receiver.secret = other
  await page.getByRole('button', { name: 'Switch on' }).click()
  await expect(page.getByText('This webhook is off')).toBeHidden()
  await page.getByRole('button', { name: 'Send a test' }).click()
  await expect(page.getByText(/answered that it is gone/)).toBeVisible()
})
