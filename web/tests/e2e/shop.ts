import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { request } from '@playwright/test'
import { foreignCluster } from './sim'
import { key, Stripe, webhookSecret } from './stripe'

const administrator = { email: 'admin@inn.example', password: 'correct horse battery' }

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

/**
 * A house that sells credits, and whose billing period is seconds rather than an hour: the program as it is installed,
 * beside a simulated cluster and a Stripe that is not there. A core costs a hundred credits an hour.
 */
export async function shop() {
  const binary = process.env.INNKEEPER_BIN ?? new URL('../../../target/debug/innkeeper', import.meta.url).pathname
  const folder = await mkdtemp(join(tmpdir(), 'innkeeper-shop-'))
  const url = `http://localhost:${await freePort()}`
  const cluster = await foreignCluster()
  const stripe = await new Stripe().listen()
  stripe.webhook = `${url}/api/v1/payment-webhooks/stripe`
  const mails = join(folder, 'mails')
  const settings = {
    DATA_DIR: folder,
    MAIL__FROM: 'Innkeeper <desk@inn.example>',
    MAIL__FOLDER: mails,
    SERVER__LISTEN: url.replace('http://localhost', '127.0.0.1'),
    SERVER__PUBLIC_URL: url,
    LOG__FILTER: 'error',
    ENGINE__POLL_EVERY_MS: '500',
    ENGINE__SETTLE_MS: '300',
    ENGINE__SWEEP_EVERY_MS: '200',
    BILLING__CYCLE_S: '2',
    BILLING__LOOK_EVERY_S: '1',
    PAYMENTS__ENABLED: 'true',
    PAYMENTS__CREDIT_PRICE__EUR: '100',
    PAYMENTS__STRIPE__SECRET_KEY: key,
    PAYMENTS__STRIPE__WEBHOOK_SECRET: webhookSecret,
    PAYMENTS__STRIPE__BASE_URL: stripe.url,
  }
  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    ...Object.fromEntries(Object.entries(settings).map(([name, value]) => [`INNKEEPER__${name}`, value])),
  }
  const create = spawn(binary, ['admin', 'create', '--email', administrator.email], {
    env,
    stdio: ['pipe', 'ignore', 'inherit'],
  })
  create.stdin.end(`${administrator.password}\n`)
  const [code] = await once(create, 'exit')
  if (code !== 0) throw new Error(`the administrator could not be made: ${code}`)
  const house = spawn(binary, ['serve'], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  await Promise.race([
    once(house.stdout, 'data'),
    once(house, 'exit').then(([code]) => Promise.reject(new Error(`the house ended with ${code}`))),
  ])

  const api = await request.newContext({ baseURL: `${url}/api/v1/`, extraHTTPHeaders: { origin: url } })
  /** Asks the house as its administrator. */
  const post = async (path: string, data: unknown) => {
    const answer = await api.post(path, { data })
    if (!answer.ok()) throw new Error(`${path}: ${answer.status()} ${await answer.text()}`)
    return answer.json()
  }
  await post('sessions', administrator)
  const { id: cluster_id } = await post('clusters', {
    name: 'lodge',
    endpoints: [{ url: cluster.url, fingerprint: cluster.fingerprint }],
    token_id: cluster.token_id,
    token_secret: cluster.secret,
    bridge: 'vmbr0',
    vmids: { first: 10_000, last: 19_999 },
  })
  const template = await post('templates', {
    name: 'Debian 12',
    kind: 'lxc',
    least: { cores: 1, memory_mib: 64, disk_gib: 1 },
    default_size: { cores: 1, memory_mib: 256, disk_gib: 4 },
    most: { cores: 8, memory_mib: 16_384, disk_gib: 100 },
    reports_address: true,
  })
  const volume = 'local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst'
  await post(`templates/${template.id}/sources`, { cluster_id, volume })
  await post('price-lists', { running: { core_micros: 100_000_000, memory_gib_micros: 0, disk_gib_micros: 1 } })
  return {
    url,
    /** Where its mails go. */
    mails,
    post,
    get: async (path: string) => (await api.get(path)).json(),
    async end() {
      await api.dispose()
      const over = once(house, 'exit')
      house.kill('SIGTERM')
      await over
      await Promise.all([cluster.end(), stripe.end()])
      await rm(folder, { recursive: true })
    },
  }
}
