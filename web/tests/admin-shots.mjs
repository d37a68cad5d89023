// The pages of those who look after the house, for `shots.mjs`.

/** Addresses of pages, by the names of their pictures. */
export async function adminViews(request) {
  const list = async (path) => (await (await request.get(`/api/v1/${path}`)).json()).items ?? []
  const users = await list('users?limit=200')
  const user = users.find((one) => one.role === 'user') ?? users[0]
  const clusters = await list('clusters')
  const cluster = (clusters.find((one) => one.name === 'lodge') ?? clusters[0]).id
  const other = (clusters.find((one) => one.name === 'cottage') ?? clusters[0]).id
  const [node] = await list(`clusters/${cluster}/nodes`)
  return [
    ['admin-users', '/admin/users'],
    ['admin-users-none', '/admin/users?q=zzzz'],
    ['admin-user', `/admin/users/${user.id}`],
    ['admin-clusters', '/admin/clusters'],
    ['admin-clusters-new', '/admin/clusters-new'],
    ['admin-cluster-nodes', `/admin/clusters/${cluster}`],
    ['admin-cluster-node', `/admin/clusters/${cluster}/nodes/${node.name}`],
    ['admin-cluster-guests', `/admin/clusters/${other}/guests`],
    ['admin-cluster-adoptions', `/admin/clusters/${other}/adoptions`],
    ['admin-cluster-drains', `/admin/clusters/${cluster}/drains`],
    ['admin-cluster-settings', `/admin/clusters/${cluster}/settings`],
    ['admin-placement', '/admin/placement'],
    ['admin-catalogue', '/admin/catalogue'],
    ['admin-catalogue-plans', '/admin/catalogue/plans'],
    ['admin-catalogue-prices', '/admin/catalogue/prices'],
    ['admin-instances', '/admin/instances'],
    ['admin-instances-drift', '/admin/instances?only=drift'],
  ]
}

/** What opens over pages. */
export const adminActs = (page) => {
  const open = async (name) => {
    await page.getByRole('link', { name, exact: true }).first().click()
    await page.getByRole('heading', { level: 1, name }).waitFor()
  }
  const row = (name) => page.getByRole('button', { name: new RegExp(`(for|pour) ${name}`) }).first()
  const item = (name) => page.getByRole('menuitem', { name })
  return [
    [
      'admin-user-ban',
      '/admin/users?q=linus',
      async () => {
        await row('Linus').click()
        await item(/^(Ban|Bannir)$/).click()
        await page.getByRole('dialog').waitFor()
      },
    ],
    [
      'admin-cluster-drain',
      '/admin/clusters',
      async () => {
        await open('lodge')
        await row('ash').click()
        await item(/Drain|Évacuer/).click()
        await page.getByRole('dialog').waitFor()
      },
    ],
    [
      'admin-cluster-test',
      '/admin/clusters',
      async () => {
        await open('lodge')
        await page.getByRole('button', { name: 'Actions', exact: true }).click()
        await item(/^(Test|Tester)$/).click()
        await page.getByRole('dialog').getByRole('listitem').first().waitFor()
      },
    ],
    [
      'admin-cluster-adopt',
      '/admin/clusters',
      async () => {
        await open('cottage')
        await page.getByRole('link', { name: /^(Guests|Invités)$/ }).click()
        await page.getByRole('button', { name: /^(Adopt|Adopter): ledger/ }).click()
        const dialog = page.getByRole('dialog')
        await dialog.getByRole('button', { name: /^(Try it|Essayer)$/ }).click()
        await dialog.getByRole('status').waitFor()
      },
    ],
  ]
}
