// A house for the tests: the real binary in demo mode, with the portal in it. Says where it is and how one gets in, in
// tests/.house-PORT.json, and ends when it is told to.
import { spawn } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'

const port = process.env.PORT ?? '8471'
const binary = process.env.INNKEEPER_BIN ?? new URL('../../target/debug/innkeeper', import.meta.url).pathname
const note = new URL(`.house-${port}.json`, import.meta.url)
rmSync(note, { force: true })
const house = spawn(binary, ['demo', '--no-chain', '--listen', `127.0.0.1:${port}`, '--latency', '0.2'], {
  stdio: ['ignore', 'pipe', 'inherit'],
})
let said = ''
house.stdout.on('data', (chunk) => {
  said += chunk
  const password = /with the password (\S+)/.exec(said)?.[1]
  const mails = /mails +(\S+)/.exec(said)?.[1]
  // A host name rather than an address, since passkeys need one.
  if (password && mails) writeFileSync(note, JSON.stringify({ url: `http://localhost:${port}`, password, mails }))
})
house.on('exit', (code) => process.exit(code ?? 1))
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => house.kill('SIGINT'))
