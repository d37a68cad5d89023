import { accessible, administrator, asAdmin, expect, house, movedIn, quiet, settled, test } from './house'

test('what is announced is read by everybody, and can be put away unless it is critical', async ({
  page,
  browser,
}, info) => {
  const word = `${info.project.name} ${Date.now().toString(36)}`
  const guest = await (await browser.newContext(info.project.use)).newPage()
  await movedIn(guest)
  await guest.goto('/')
  await settled(guest)

  // The administrator writes it, and sees what people will see.
  await asAdmin(page)
  await page.goto('/admin/announcements')
  await settled(page)
  await page.getByRole('button', { name: 'Announce something' }).first().click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('button', { name: 'Announce something' }).click()
  await expect(dialog.getByText('Write it in English, in French, or in both')).toBeVisible()
  await dialog.getByRole('textbox', { name: 'In English' }).fill(`No power tonight, ${word}`)
  await dialog.getByText('Warning', { exact: true }).click()
  const preview = dialog.getByRole('region', { name: 'What people will see' })
  await expect(preview.getByText(`No power tonight, ${word}`)).toHaveCount(2)
  await accessible(page, 'the dialog of an announcement')
  // An end before the beginning is refused where it was typed.
  await dialog.getByLabel(/^From/).fill('2040-01-01T20:00')
  await dialog.getByLabel(/^Until/).fill('2040-01-01T19:00')
  await dialog.getByRole('button', { name: 'Announce something' }).click()
  await expect(dialog.getByText(/^Choose a time after/)).toBeVisible()
  await dialog.getByLabel(/^From/).fill('')
  await dialog.getByLabel(/^Until/).fill('')
  await dialog.getByRole('button', { name: 'Announce something' }).click()
  await expect(dialog).toBeHidden()

  // Somebody who was there already reads it, and puts it away: also for the next time.
  const told = guest.getByRole('status').filter({ hasText: word })
  await expect(told).toContainText(`No power tonight, ${word}`)
  await accessible(guest, 'a page with an announcement')
  await told.getByRole('button', { name: 'Put this announcement away' }).click()
  await expect(told).toBeHidden()
  await guest.reload()
  await settled(guest)
  await expect(told).toBeHidden()

  // Written anew, it is another one; what is critical stays.
  const row = page.getByRole('button', { name: new RegExp(`Actions for No power tonight, ${word}`) })
  await row.click()
  await page.getByRole('menuitem', { name: 'Change the announcement' }).click()
  await dialog.getByText('Critical', { exact: true }).click()
  await dialog.getByRole('textbox', { name: 'In French' }).fill(`Pas de courant, ${word}`)
  await dialog.getByRole('button', { name: 'Save' }).click()
  await expect(dialog).toBeHidden()
  const urgent = guest.getByRole('alert').filter({ hasText: word })
  await expect(urgent).toContainText(`No power tonight, ${word}`)
  await expect(urgent.getByRole('button')).toHaveCount(0)
  await guest.evaluate(() => {
    localStorage.setItem('locale', 'fr')
    dispatchEvent(new StorageEvent('storage', { key: 'locale', storageArea: localStorage }))
  })
  await expect(urgent).toContainText(`Pas de courant, ${word}`)

  // Ended, nobody sees it any more; deleted, it is in no list.
  await quiet(page)
  await row.click()
  await page.getByRole('menuitem', { name: 'End it now' }).click()
  await dialog.getByRole('button', { name: 'End it now' }).click()
  await expect(dialog).toBeHidden()
  await expect(urgent).toBeHidden()
  await row.click()
  await page.getByRole('menuitem', { name: 'Delete' }).click()
  await dialog.getByRole('button', { name: 'Delete' }).click()
  await expect(row).toBeHidden()
  await guest.context().close()
})

test('an announcement is plain text, and what is planned is not told', async ({ page }) => {
  const admin = await administrator()
  const { url } = house()
  const later = new Date(Date.now() + 86_400_000).toISOString()
  const made = []
  for (const data of [
    { text_fr: '<b>Bonjour</b>\nhttps://inn.example/', level: 'info' },
    { text_en: 'Tomorrow', level: 'critical', from: later },
  ]) {
    const answer = await admin.post('/api/v1/announcements', { data })
    expect(answer.status(), await answer.text()).toBe(201)
    made.push((await answer.json()).id)
  }
  await movedIn(page)
  await page.goto(`${url}/keys`)
  await settled(page)
  const told = page.getByRole('status').filter({ hasText: '<b>Bonjour</b>' })
  await expect(told).toBeVisible()
  await expect(told.locator('[lang=fr]')).toHaveText('<b>Bonjour</b>\nhttps://inn.example/')
  await expect(told.getByRole('link')).toHaveCount(0)
  await expect(page.getByText('Tomorrow')).toHaveCount(0)
  // Many leave room for the page.
  for (const n of [1, 2, 3, 4]) {
    const answer = await admin.post('/api/v1/announcements', { data: { text_en: `Hint ${n}`, level: 'info' } })
    made.push((await answer.json()).id)
  }
  await expect(page.getByText('Hint 4')).toBeVisible()
  await expect(page.getByText('Hint 1')).toBeHidden()
  await accessible(page, 'a page with many announcements')
  await page.getByRole('button', { name: '2 more announcements' }).click()
  await expect(page.getByText('Hint 1')).toBeVisible()
  await expect(told).toBeVisible()
  for (const id of made) await admin.delete(`/api/v1/announcements/${id}`)
  await expect(told).toBeHidden()
  await admin.dispose()
})
