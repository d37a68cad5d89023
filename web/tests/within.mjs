// Runs a script within a house: the one at $INNKEEPER_URL, else one of its own, which ends with it.
//   node tests/within.mjs tests/shots.mjs [arguments of the script]
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'

const note = new URL(`.house-${process.env.PORT ?? '8471'}.json`, import.meta.url)

/** A house of our own, as the variables by which scripts find one. */
async function open() {
  rmSync(note, { force: true })
  const house = spawn(process.execPath, [new URL('house.mjs', import.meta.url).pathname], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => house.kill('SIGTERM'))
  const until = async (ready) => {
    while (!(await ready().catch(() => false))) {
      if (house.exitCode !== null) throw new Error('the house did not open: is the program built (cargo build)?')
      await pause(200)
    }
  }
  await until(async () => existsSync(note))
  const { url, password, mails } = JSON.parse(readFileSync(note, 'utf8'))
  await until(async () => (await fetch(`${url}/readyz`)).ok)
  const entered = await fetch(`${url}/api/v1/sessions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: url },
    body: JSON.stringify({ email: 'admin@inn.example', password }),
  })
  const cookie = entered.headers.getSetCookie().map((one) => one.split(';')[0])
  // Its instances are on their way when it opens.
  await until(async () => {
    const { items } = await (await fetch(`${url}/api/v1/instances`, { headers: { cookie: cookie.join('; ') } })).json()
    return items.length > 0 && items.every((one) => one.state === 'running')
  })
  return { house, env: { INNKEEPER_URL: url, INNKEEPER_PASSWORD: password, INNKEEPER_MAILS: mails } }
}

const { house, env } = process.env.INNKEEPER_URL ? {} : await open()
const script = spawn(process.execPath, process.argv.slice(2), { stdio: 'inherit', env: { ...process.env, ...env } })
const [code] = await once(script, 'exit')
house?.kill('SIGTERM')
process.exitCode = code ?? 1
