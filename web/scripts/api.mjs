// Makes the API client from the house's OpenAPI document: `npm run gen:api`. With `--check` it changes nothing and fails
// when what is committed is not what the document says.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const web = new URL('..', import.meta.url).pathname
const written = join(web, 'openapi.json')
const client = join(web, 'src/api/gen')

/** 64-bit formats would make big integers of what JSON carries as plain numbers; amounts stay far below 2^53. */
function plainNumbers(value) {
  if (Array.isArray(value)) return value.map(plainNumbers)
  if (typeof value !== 'object' || value === null) return value
  const kept = Object.entries(value).filter(([key, v]) => !(key === 'format' && /^u?int(32|64)$/.test(v)))
  const plain = Object.fromEntries(kept.map(([key, v]) => [key, plainNumbers(v)]))
  // An object of which nothing is said holds anything; the generator would leave it out.
  if (plain.type === 'object' && !plain.properties && !plain.additionalProperties) plain.additionalProperties = true
  return plain
}

const document = `${JSON.stringify(plainNumbers(JSON.parse(readFileSync(join(web, '../openapi.json'), 'utf8'))), null, 1)}\n`

function generate(input, output) {
  const args = ['node_modules/@hey-api/openapi-ts/bin/run.js']
  execFileSync('node', args, {
    cwd: web,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, API_INPUT: input, API_OUTPUT: output },
  })
}

function files(folder) {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .sort()
  return names.map((name) => `${name}\n${readFileSync(join(folder, name), 'utf8')}`).join('\n')
}

if (process.argv.includes('--check')) {
  const folder = mkdtempSync(join(tmpdir(), 'innkeeper-api-'))
  try {
    writeFileSync(join(folder, 'openapi.json'), document)
    generate(join(folder, 'openapi.json'), join(folder, 'gen'))
    const stale =
      readFileSync(written, 'utf8') !== document
        ? 'openapi.json'
        : files(join(folder, 'gen')) !== files(client)
          ? 'src/api/gen'
          : ''
    if (stale) {
      console.error(`web/${stale} is not what ../openapi.json says: run \`npm run gen:api\``)
      process.exitCode = 1
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
} else {
  writeFileSync(written, document)
  generate(written, client)
}
