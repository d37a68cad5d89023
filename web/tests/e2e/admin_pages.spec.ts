import { admin, adminIds, withId } from '../pages.mjs'
import { asAdmin, expect, house, test } from './house'
import { everyPage } from './looks'

test('every page for those who look after the house can be used by everybody', async ({ page }, info) => {
  test.setTimeout(280_000)
  await asAdmin(page)
  const { items } = await (await page.request.get('/api/v1/clusters')).json()
  // A house has a network of its own when somebody has made one; what was made by an earlier run stays.
  const made = await page.request.post('/api/v1/networks', {
    data: { name: `seen-${info.project.name}`, cluster_id: items[0].id, vlan: 3999, bridge: 'vmbr0' },
    headers: { origin: house().url },
  })
  expect([201, 409], await made.text()).toContain(made.status())
  const ids = await adminIds(page.request)
  await everyPage(
    page,
    info,
    admin.map((one) => withId(one, ids)),
  )
})
