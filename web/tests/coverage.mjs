// What the portal lacks: operations of the API that no screen uses, and screens that no test opens. `--strict` fails when
// either list has an entry.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { admin, doors, inside } from './pages.mjs'

const web = new URL('..', import.meta.url).pathname
const read = (path) => readFileSync(join(web, path), 'utf8')

/** Operations that have no screen by their nature, and why. */
const elsewhere = {
  followEvents: 'an EventSource (src/app/live.ts)',
  openConsole: 'a WebSocket (src/features/consoles)',
  refresh: 'asked by src/api/session.ts itself',
  comeBack: 'where another house sends the browser',
  paymentWebhook: 'for payment providers',
  discordInteraction: 'for Discord, which signs what it sends',
  openapiJson: 'for programs',
  healthz: 'for programs',
  readyz: 'for programs',
  askForChallenge: 'for wallets that sign',
  getWalletCredits: 'for wallets that sign',
  claimWallet: 'for wallets that sign',
  seedRent: 'the earlier name of another',
  seedRenew: 'the earlier name of another',
  seedConsole: 'the earlier name of another',
  seedExec: 'the earlier name of another',
  seedList: 'the earlier name of another',
}

const sources = readdirSync(join(web, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.tsx?$/.test(name) && !name.startsWith('api/gen/') && !name.endsWith('.test.tsx'))
  .map((name) => read(join('src', name)))
  .join('\n')
const operations = [...read('src/api/gen/sdk.gen.ts').matchAll(/^export const (\w+) =/gm)].map((found) => found[1])
const imported = new Set(
  [...sources.matchAll(/import \{([^}]*)\} from '~\/api(?:\/gen\/sdk\.gen)?'/g)].flatMap(
    (found) => found[1].match(/\w+/g) ?? [],
  ),
)
const used = (name) => imported.has(name) || imported.has(`${name}Options`)
const withoutScreen = operations.filter((name) => !(name in elsewhere) && !used(name))

const tree = read('src/routeTree.gen.ts')
const paths = tree.slice(
  tree.indexOf('export interface FileRoutesByTo'),
  tree.indexOf('export interface FileRoutesById'),
)
const screens = [...paths.matchAll(/^ {2}'(\/[^']*)':/gm)].map((found) => found[1])
const listed = new Set([...doors, ...inside, ...admin])
const withoutTest = screens.filter((path) => !listed.has(path))
const gone = [...listed].filter((path) => !screens.includes(path))

const show = (title, list) => console.log(`${title}: ${list.length}${list.map((one) => `\n  ${one}`).join('')}`)
show(`operations without a screen, of ${operations.length}`, withoutScreen)
show(`screens without a test, of ${screens.length}`, withoutTest)
if (gone.length) show('pages in tests/pages.mjs that are gone', gone)
if (process.argv.includes('--strict') && withoutScreen.length + withoutTest.length + gone.length > 0)
  process.exitCode = 1
