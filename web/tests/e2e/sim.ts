import { spawn } from 'node:child_process'
import { request } from '@playwright/test'

/** A cluster that is nobody's yet: the program's own simulator, with guests in it that we did not make. */
export async function foreignCluster() {
  const binary = process.env.INNKEEPER_BIN ?? new URL('../../../target/debug/innkeeper', import.meta.url).pathname
  const secret = crypto.randomUUID()
  const program = spawn(binary, ['simulate', '--nodes', '2', '--latency', '0.1', '--token-secret', secret, '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const told = await new Promise<string>((resolve, reject) => {
    let said = ''
    program.stdout.on('data', (chunk) => {
      said += chunk
      if (said.includes('\n')) resolve(said)
    })
    program.on('exit', (code) => reject(new Error(`the simulator ended with ${code}`)))
  })
  const { clusters, token_id } = JSON.parse(told)
  const { url, fingerprint, node } = clusters[0].endpoints[0] as { url: string; fingerprint: string; node: string }
  const pve = await request.newContext({
    baseURL: `${url}/api2/json/`,
    ignoreHTTPSErrors: true,
    extraHTTPHeaders: { authorization: `PVEAPIToken=${token_id}=${secret}` },
  })
  return {
    url,
    fingerprint,
    token_id: token_id as string,
    secret,
    /** A container that somebody made by hand. */
    async container(vmid: number, hostname: string) {
      const volumes = await (await pve.get(`nodes/${node}/storage/local/content`)).json()
      const template = volumes.data.find((one: { content: string }) => one.content === 'vztmpl').volid
      const net0 = 'name=eth0,bridge=vmbr0,ip=dhcp'
      const form = { vmid, hostname, ostemplate: template, rootfs: 'local-lvm:8', memory: 1024, cores: 2, net0 }
      const made = await pve.post(`nodes/${node}/lxc`, { form })
      if (!made.ok()) throw new Error(await made.text())
      const task = encodeURIComponent((await made.json()).data)
      for (;;) {
        const { data } = await (await pve.get(`nodes/${node}/tasks/${task}/status`)).json()
        if (data.status !== 'stopped') continue
        if (data.exitstatus !== 'OK') throw new Error(data.exitstatus)
        return
      }
    },
    /** Changes one behind our back. */
    change: (vmid: number, form: Record<string, number>) => pve.put(`nodes/${node}/lxc/${vmid}/config`, { form }),
    async end() {
      await pve.dispose()
      const over = new Promise((resolve) => program.removeAllListeners('exit').on('exit', resolve))
      program.kill('SIGINT')
      await over
    },
  }
}
