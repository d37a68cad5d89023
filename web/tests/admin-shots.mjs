// The pages of those who look after the house, for `shots.mjs`.

/** Addresses of pages, by the names of their pictures. */
export async function adminViews(request) {
  const list = async (path) => (await (await request.get(`/api/v1/${path}`)).json()).items ?? []
  const users = await list('users?limit=200')
  const user = users.find((one) => one.role === 'user') ?? users[0]
  return [
    ['admin-users', '/admin/users'],
    ['admin-users-none', '/admin/users?q=zzzz'],
    ['admin-user', `/admin/users/${user.id}`],
  ]
}

/** What opens over pages. */
export const adminActs = (page) => {
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
  ]
}
