// What opens over the pages of those who look after the house, for `shots.mjs`.
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
    [
      'admin-audit-verify',
      '/admin/audit',
      async () => {
        await page.getByRole('button', { name: /^(Verify|Vérifier)$/ }).click()
        const dialog = page.getByRole('dialog')
        await dialog.getByRole('button', { name: /now|maintenant/ }).click()
        await dialog.getByRole('status').first().waitFor()
      },
    ],
    [
      'admin-prices-new',
      '/admin/catalogue/prices',
      async () => {
        await page.getByRole('button', { name: /^(New prices|Nouveaux prix)$/ }).click()
        await page.getByRole('dialog').waitFor()
      },
    ],
    [
      'admin-template-new',
      '/admin/catalogue',
      async () => {
        await page.getByRole('button', { name: /^(New template|Nouveau modèle)$/ }).click()
        await page.getByRole('dialog').waitFor()
      },
    ],
    [
      'admin-announcement-make',
      '/admin/announcements',
      async () => {
        await page
          .getByRole('button', { name: /^(Announce something|Faire une annonce)$/ })
          .first()
          .click()
        const dialog = page.getByRole('dialog')
        await dialog
          .getByRole('textbox', { name: /^(In English|En anglais)$/ })
          .fill('No power on Saturday from 20:00 to 22:00 UTC.')
        await dialog.getByRole('radio', { name: /^(Warning|Attention)$/ }).check({ force: true })
      },
    ],
    [
      'admin-voucher-make',
      '/admin/vouchers',
      async () => {
        await page
          .getByRole('button', { name: /^(Make vouchers|Créer des bons)$/ })
          .first()
          .click()
        await page.getByRole('dialog').waitFor()
      },
    ],
  ]
}
