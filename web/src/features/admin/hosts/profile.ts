import type { Ability, Host, HostProfile, HostSecretsWritable, HostWake, HostWindow } from '~/api'
import { lines, shellWord, words } from '~/lib/words'

export type WakeBy = HostWake['by']
type Amount = number | string

/** A profile as it is typed. */
export type Typed = {
  address: string
  port: Amount
  wake: WakeBy
  mac: string
  wake_address: string
  interface: string
  ports: string
  secure_on: string
  url: string
  method: string
  headers: string
  body: string
  forget: boolean
  automatic: boolean
  idle_seconds: Amount
  countdown_seconds: Amount
  startup_seconds: Amount
  shutdown_seconds: Amount
  guest_seconds: Amount
  may_stop: string
  ignores_quorum: boolean
  windows: HostWindow[]
  voice_channels: string
  watts: Amount
  users_may: Ability[]
  ssh: boolean
  user: string
  ssh_port: Amount
  host_key: string
}

export function typed(profile: HostProfile = {}): Typed {
  const wake = profile.wake ?? { by: 'none' }
  const packet = wake.by === 'packet' ? wake : undefined
  const { fallback } = profile
  return {
    address: profile.address ?? '',
    port: profile.port ?? '',
    wake: wake.by,
    mac: packet?.mac ?? '',
    wake_address: packet?.address ?? '',
    interface: packet?.interface ?? '',
    ports: (packet?.ports ?? [9, 7]).join(' '),
    secure_on: '',
    url: '',
    method: 'POST',
    headers: '',
    body: '',
    forget: false,
    automatic: profile.automatic ?? false,
    idle_seconds: profile.idle_seconds ?? 600,
    countdown_seconds: profile.countdown_seconds ?? 120,
    startup_seconds: profile.startup_seconds ?? 600,
    shutdown_seconds: profile.shutdown_seconds ?? 300,
    guest_seconds: profile.guest_seconds ?? 60,
    may_stop: (profile.may_stop ?? []).join(' '),
    ignores_quorum: profile.ignores_quorum ?? false,
    windows: profile.windows ?? [],
    voice_channels: (profile.voice_channels ?? []).join(' '),
    watts: profile.watts ?? '',
    users_may: profile.users_may ?? [],
    ssh: !!fallback,
    user: fallback?.user ?? 'root',
    ssh_port: fallback?.port ?? 22,
    host_key: fallback?.host_key ?? '',
  }
}

const orNull = (text: string) => text.trim() || null
const amount = (given: Amount) => (given === '' ? null : Number(given))

function wakeOf(given: Typed): HostWake {
  if (given.wake !== 'packet') return { by: given.wake }
  return {
    by: 'packet',
    mac: given.mac.trim(),
    address: orNull(given.wake_address),
    interface: orNull(given.interface),
    ports: words(given.ports).map(Number),
  }
}

export function profileOf(given: Typed): HostProfile {
  return {
    address: orNull(given.address),
    port: amount(given.port),
    wake: wakeOf(given),
    fallback: given.ssh
      ? { user: given.user.trim(), port: Number(given.ssh_port), host_key: given.host_key.trim() }
      : null,
    automatic: given.automatic,
    idle_seconds: Number(given.idle_seconds),
    countdown_seconds: Number(given.countdown_seconds),
    startup_seconds: Number(given.startup_seconds),
    shutdown_seconds: Number(given.shutdown_seconds),
    guest_seconds: Number(given.guest_seconds),
    may_stop: words(given.may_stop).map(Number),
    ignores_quorum: given.ignores_quorum,
    windows: given.windows,
    voice_channels: words(given.voice_channels),
    watts: amount(given.watts),
    users_may: given.users_may,
  }
}

/** The secrets that were typed; nothing where those that are set stay. */
export function secretsOf(given: Typed): HostSecretsWritable | undefined {
  if (given.forget) return {}
  if (given.wake === 'packet' && given.secure_on) return { secure_on: given.secure_on }
  if (given.wake !== 'webhook' || !given.url.trim()) return undefined
  const headers = lines(given.headers).map((line): [string, string] => {
    const [name = '', ...value] = line.split(':')
    return [name.trim(), value.join(':').trim()]
  })
  return {
    webhook: {
      url: given.url.trim(),
      method: given.method,
      ...(headers.length ? { headers: Object.fromEntries(headers) } : {}),
      ...(given.body.trim() ? { body: given.body } : {}),
    },
  }
}

/** Where in the form the house means, when it names a field. */
export function fieldOf(named: string): string {
  const field = named.replace(/^(profile|secrets)\./, '')
  const other: Record<string, string> = {
    'wake.mac': 'mac',
    'wake.address': 'wake_address',
    'wake.interface': 'interface',
    'wake.ports': 'ports',
    'fallback.user': 'user',
    'fallback.port': 'ssh_port',
    'fallback.host_key': 'host_key',
  }
  return other[field] ?? field.replace(/^webhook\./, '').split(/[.[]/)[0] ?? field
}

/** The same as words for the command line: what differs from the usual, or from what was there before. */
export function cliOf(given: Typed, before: Typed = typed()): string {
  const said: string[] = []
  const say = (name: string, now: unknown, then: unknown) => {
    if (String(now) !== String(then)) said.push(`--${name} ${shellWord(String(now))}`)
  }
  say('address', given.address.trim(), before.address)
  say('port', given.port, before.port)
  if (given.wake === 'packet') {
    if (before.wake !== 'packet' || given.mac !== before.mac) said.push(`--mac ${shellWord(given.mac.trim() || 'MAC')}`)
    say('wake-address', given.wake_address.trim(), before.wake_address)
    say('interface', given.interface.trim(), before.interface)
    if (given.ports !== before.ports) for (const port of words(given.ports)) said.push(`--wake-port ${shellWord(port)}`)
  } else say('wake', given.wake, before.wake)
  if (given.wake === 'webhook' && given.url) said.push('--webhook request.json')
  say('automatic', given.automatic, before.automatic)
  say('idle', given.idle_seconds, before.idle_seconds)
  say('countdown', given.countdown_seconds, before.countdown_seconds)
  say('startup', given.startup_seconds, before.startup_seconds)
  say('shutdown', given.shutdown_seconds, before.shutdown_seconds)
  say('guest', given.guest_seconds, before.guest_seconds)
  if (given.may_stop !== before.may_stop)
    for (const vmid of words(given.may_stop)) said.push(`--may-stop ${shellWord(vmid)}`)
  if (given.voice_channels !== before.voice_channels)
    for (const channel of words(given.voice_channels)) said.push(`--voice-channel ${shellWord(channel)}`)
  if (JSON.stringify(given.windows) !== JSON.stringify(before.windows))
    for (const one of given.windows)
      said.push(`--hours ${shellWord(`${one.days.join(',')} ${one.from}-${one.to} ${one.time_zone}`)}`)
  if (given.users_may.join() !== before.users_may.join()) said.push(`--users-may ${given.users_may.join(',') || "''"}`)
  say('watts', given.watts, before.watts)
  say('ignores-quorum', given.ignores_quorum, before.ignores_quorum)
  if (given.ssh) {
    if (!before.ssh || given.user !== before.user) said.push(`--ssh-user ${shellWord(given.user)}`)
    say('ssh-port', given.ssh_port, before.ssh_port)
    if (given.host_key !== before.host_key) said.push(`--ssh-host-key ${shellWord(given.host_key.trim() || 'KEY')}`)
  }
  // A SecureOn password is better not typed.
  return said.join(' \\\n  ')
}

export const changeLine = (host: Pick<Host, 'name'>, given: Typed, before: Typed) =>
  `${given.secure_on ? 'INNKEEPER_SECURE_ON=… ' : ''}innkeeper host change ${host.name} ${cliOf(given, before)}`.trim()
