// Whether everything that the portal is built with is installed as the lock file says: fails when it is not. With `--all`
// also what it is tried with.
import { existsSync, readFileSync } from 'node:fs'

const read = (name) => JSON.parse(readFileSync(new URL(`../${name}`, import.meta.url), 'utf8')).packages
const hidden = new URL('../node_modules/.package-lock.json', import.meta.url)
if (!existsSync(hidden)) process.exit(1)
const installed = read('node_modules/.package-lock.json')
const all = process.argv.includes('--all')
const missing = Object.entries(read('package-lock.json')).some(
  ([path, { dev, optional, version }]) => path && (all || !dev) && !optional && installed[path]?.version !== version,
)
process.exit(missing ? 1 : 0)
