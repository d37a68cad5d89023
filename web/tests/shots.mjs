// Pictures of all pages: `npm run shots [-- part of a name]`, into shots/, which is not kept. Says what axe finds, what runs
// over the edge, and what the console complains of. The house is at $INNKEEPER_URL; $INNKEEPER_PASSWORD is its admin's.
import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { chromium, devices } from '@playwright/test'
import { adminActs } from './admin-shots.mjs'
import { admin, adminIds, doors, inside, nameOf, withId } from './pages.mjs'

const base = process.env.INNKEEPER_URL ?? 'http://localhost:8080'
const email = process.env.INNKEEPER_EMAIL ?? 'admin@inn.example'
const password = process.env.INNKEEPER_PASSWORD ?? ''
const only = process.argv.slice(2)
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
mkdirSync('shots', { recursive: true })

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
})
const looks = [
  ['desktop', 'dark', 'en', { viewport: { width: 1440, height: 900 } }],
  ['desktop', 'light', 'fr', { viewport: { width: 1440, height: 900 } }],
  ['phone', 'dark', 'fr', devices['Pixel 7']],
  ['phone', 'light', 'en', devices['Pixel 7']],
]

let bad = 0
for (const [size, scheme, locale, device] of looks) {
  if (process.env.LOOK && !`${size}-${scheme}`.includes(process.env.LOOK)) continue
  const context = await browser.newContext({
    ...device,
    colorScheme: scheme,
    reducedMotion: 'reduce',
    serviceWorkers: 'block',
    baseURL: base,
  })
  await context.addInitScript(
    ([scheme, locale]) => {
      localStorage.setItem('color-scheme', scheme)
      localStorage.setItem('locale', locale)
    },
    [scheme, locale],
  )
  const page = await context.newPage()
  page.setDefaultTimeout(15_000)
  page.on('console', (said) => said.type() === 'error' && console.log('  console:', said.text().slice(0, 220)))
  page.on('pageerror', (error) => console.log('  page error:', error.message.slice(0, 300)))
  const look = async (name) => {
    await page.waitForTimeout(350)
    await page.screenshot({ path: `shots/${name}-${size}-${scheme}.png`, fullPage: process.env.FULL === '1' })
    await page.evaluate(axe)
    const violations = await page.evaluate(async () => {
      const found = await window.axe.run(document, {
        runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
        rules: { region: { enabled: false } },
      })
      return found.violations.map((one) => ({
        id: one.id,
        impact: one.impact,
        nodes: one.nodes
          .slice(0, 3)
          .map((node) =>
            `${node.html.slice(0, 160)} | ${node.any[0]?.message ?? node.all[0]?.message ?? node.none[0]?.message ?? ''}`.slice(
              0,
              330,
            ),
          ),
      }))
    })
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
    if (over > 0) console.log(`  ${name} ${size}: ${over} px over the edge`)
    bad += violations.length + (over > 0 ? 1 : 0)
    console.log(name, size, scheme, violations.length ? '' : 'ok')
    for (const one of violations) {
      console.log('   ', one.impact, one.id)
      for (const node of one.nodes) console.log('       ', node)
    }
  }
  const wanted = (name) => only.length === 0 || only.some((part) => name.includes(part))
  for (const path of doors) {
    if (!wanted(nameOf(path))) continue
    await page.goto(path)
    await page.getByRole('heading', { level: 1 }).waitFor()
    await look(nameOf(path))
  }
  const entered = await context.request.post('/api/v1/sessions', {
    data: { email, password },
    headers: { origin: base },
  })
  if (!entered.ok()) throw new Error(`sign-in: ${entered.status()} ${await entered.text()}`)
  const { items } = await (await context.request.get('/api/v1/instances?limit=200')).json()
  const me = await (await context.request.get('/api/v1/me')).json()
  const project = me.user.personal_project
  // Of one's own, since lists show those of one project.
  const own = items.filter((instance) => instance.project_id === project)
  const one = own.find((instance) => instance.kind === 'qemu' && instance.state === 'running') ?? own[0] ?? items[0]
  const at = (tab) => `/instances/${one.id}${tab}`
  const leases = (await (await context.request.get('/api/v1/leases?limit=1')).json()).items ?? []
  const webhooks = (await (await context.request.get(`/api/v1/projects/${project}/webhooks`)).json()).items ?? []
  const ids = {
    instances: one.id,
    projects: project,
    webhooks: webhooks[0]?.id ?? 'whk_none',
    leases: leases[0]?.id ?? 'lea_none',
    ...(await adminIds(context.request)),
  }
  const views = [
    // A house that has none of a thing has no picture of it.
    ...[...inside, ...admin].map((path) => [nameOf(path), withId(path, ids)]).filter(([, path]) => !/_none/.test(path)),
    ['instances-none', '/instances?q=zzz'],
    ['lost', '/nowhere'],
  ]
  for (const [name, path] of views) {
    if (!wanted(name)) continue
    await page.goto(path)
    await page
      .getByRole('heading')
      .first()
      .waitFor()
      .catch(() => console.log('  no heading', name))
    await page.waitForLoadState('networkidle', { timeout: 4000 }).catch(() => undefined)
    await look(name)
  }
  const acts = [
    [
      'palette',
      '/instances',
      async () => {
        await page.keyboard.press('Control+k')
        await page.getByRole('dialog').getByRole('textbox').fill('h')
      },
    ],
    ['row-menu', '/instances', () => page.getByRole('button', { name: new RegExp(`(for|pour) ${one.name}`) }).click()],
    [
      'delete',
      '/instances',
      async () => {
        await page.getByRole('button', { name: new RegExp(`(for|pour) ${one.name}`) }).click()
        await page.getByRole('menuitem', { name: /for good|définitivement/ }).click()
      },
    ],
    [
      'resize',
      at(''),
      async () => {
        await page.getByRole('button', { name: /^Actions$/ }).click()
        await page.getByRole('menuitem', { name: /Resize|Redimensionner/ }).click()
      },
    ],
    ['tasks', '/', () => page.getByRole('button', { name: /^(Operations|Opérations)/ }).click()],
    ['user-menu', '/', () => page.getByRole('button', { name: /Account menu|Menu du compte/ }).click()],
  ]
  for (const [name, path, act] of [...acts, ...adminActs(page)]) {
    if (!wanted(name)) continue
    await page.goto(path)
    await page.waitForLoadState('networkidle', { timeout: 4000 }).catch(() => undefined)
    try {
      await act()
    } catch (error) {
      console.log('  not done:', name, error.message.split('\n')[0])
    }
    await look(name)
  }
  await context.close()
}
await browser.close()
console.log('found', bad)
