import type {
  Ability,
  Doorman,
  Language,
  Place,
  Service,
  ServiceAskedWritable,
  ServiceChangedWritable,
  ServiceKind,
} from '~/api'
import { shellWord, words } from '~/lib/words'

type Amount = number | string
export const scenes = ['asleep', 'waking', 'starting', 'closed', 'later', 'refused'] as const
export type PlaceKind = 'instance' | 'guest' | 'host'

/** A service as it is typed. */
export type Typed = {
  name: string
  kind: ServiceKind
  place: PlaceKind
  instance: string
  host: string
  vmid: Amount
  address: string
  join_address: string
  port: Amount
  path: string
  language: Language
  rests: boolean
  ready_seconds: Amount
  warn_seconds: Amount
  rcon: boolean
  rcon_port: Amount
  rcon_password: string
  doorman: boolean
  listen: string
  way: Doorman['way']
  players: string
  proxy_protocol: boolean
  texts: Record<string, string>
  users_may: Ability[]
}

/** What a server of a kind listens at where nobody said otherwise. */
export const usualPort: Partial<Record<ServiceKind, number>> = { minecraft_java: 25_565, minecraft_bedrock: 19_132 }

export const blank = (): Typed => ({
  name: '',
  kind: 'minecraft_java',
  place: 'instance',
  instance: '',
  host: '',
  vmid: '',
  address: '',
  join_address: '',
  port: 25_565,
  path: '',
  language: 'en',
  rests: false,
  ready_seconds: 300,
  warn_seconds: 10,
  rcon: false,
  rcon_port: 25_575,
  rcon_password: '',
  doorman: false,
  listen: '0.0.0.0:25565',
  way: 'forward',
  players: '',
  proxy_protocol: false,
  texts: {},
  users_may: [],
})

export function typed(service: Service): Typed {
  const { staff } = service
  const none = blank()
  if (!staff) return none
  const { at, doorman } = staff
  return {
    ...none,
    name: service.name,
    kind: service.kind,
    place: 'instance' in at ? 'instance' : 'guest' in at ? 'guest' : 'host',
    instance: 'instance' in at ? at.instance : '',
    host: 'guest' in at ? at.guest.host : 'host' in at ? at.host : '',
    vmid: 'guest' in at ? at.guest.vmid : '',
    address: staff.address ?? '',
    join_address: service.join_address ?? '',
    port: staff.port,
    path: staff.path ?? '',
    language: service.language,
    rests: service.rests,
    ready_seconds: service.ready_seconds,
    warn_seconds: service.warn_seconds,
    rcon: staff.rcon_port != null,
    rcon_port: staff.rcon_port ?? none.rcon_port,
    doorman: !!doorman,
    listen: doorman?.listen ?? none.listen,
    way: doorman?.way ?? none.way,
    players: doorman?.players?.join(' ') ?? '',
    proxy_protocol: doorman?.proxy_protocol ?? false,
    texts: doorman?.texts ?? {},
    users_may: staff.users_may,
  }
}

const orNull = (text: string) => text.trim() || null

function placeOf(given: Typed): Place {
  if (given.place === 'instance') return { instance: given.instance }
  if (given.place === 'host') return { host: given.host }
  return { guest: { host: given.host, vmid: Number(given.vmid) } }
}

function doormanOf(given: Typed): Doorman | null {
  if (!given.doorman || given.kind !== 'minecraft_java') return null
  const texts = Object.fromEntries(Object.entries(given.texts).filter(([, text]) => text.trim()))
  return {
    listen: given.listen.trim(),
    way: given.way,
    players: words(given.players),
    proxy_protocol: given.proxy_protocol,
    texts,
  }
}

const common = (given: Typed) => ({
  address: orNull(given.address),
  join_address: orNull(given.join_address),
  path: given.kind === 'http' ? orNull(given.path) : null,
  port: Number(given.port),
  language: given.language,
  rests: given.rests,
  ready_seconds: Number(given.ready_seconds),
  warn_seconds: Number(given.warn_seconds),
  doorman: doormanOf(given),
  users_may: given.users_may,
})

export const askedOf = (given: Typed): ServiceAskedWritable => ({
  name: given.name.trim(),
  at: placeOf(given),
  kind: given.kind,
  ...common(given),
  ...(given.rcon ? { rcon: { port: Number(given.rcon_port), password: given.rcon_password } } : {}),
})

/** What changes: a console whose password is left empty stays as it is. */
export function changedOf(given: Typed, before: Typed): ServiceChangedWritable {
  const rcon = given.rcon
    ? given.rcon_password
      ? { rcon: { port: Number(given.rcon_port), password: given.rcon_password } }
      : {}
    : before.rcon
      ? { rcon: null }
      : {}
  return {
    ...common(given),
    ...rcon,
    ...(given.name.trim() === before.name ? {} : { name: given.name.trim() }),
  }
}

/** A console whose port changes needs its password again, since both are kept as one. */
export const needsPassword = (given: Typed, before?: Typed) =>
  given.rcon && !given.rcon_password && (!before?.rcon || Number(given.rcon_port) !== Number(before.rcon_port))

/** Where in the form the house means, when it names a field. */
export const fieldOf = (named: string) =>
  ({ at: 'address', 'rcon.port': 'rcon_port', 'rcon.password': 'rcon_password', rcon: 'rcon_port', doorman: 'listen' })[
    named
  ] ?? named

/** The same as words for the command line: what differs from the usual, or from what was there before. */
export function cliOf(given: Typed, before: Typed): string {
  const said: string[] = []
  const say = (name: string, now: unknown, then: unknown) => {
    if (String(now) !== String(then)) said.push(`--${name} ${shellWord(String(now))}`.replace(/ $/, " ''"))
  }
  say('address', given.address.trim(), before.address)
  say('join-address', given.join_address.trim(), before.join_address)
  say('port', given.port, before.port)
  if (given.kind === 'http') say('path', given.path.trim(), before.path)
  say('language', given.language, before.language)
  say('rests', given.rests, before.rests)
  say('ready', given.ready_seconds, before.ready_seconds)
  say('warn', given.warn_seconds, before.warn_seconds)
  if (given.rcon && given.rcon_password) said.push(`--rcon-port ${given.rcon_port}`)
  if (!given.rcon && before.rcon) said.push('--no-rcon')
  if (given.doorman && given.kind === 'minecraft_java') {
    if (!before.doorman || given.listen !== before.listen) said.push(`--doorman ${shellWord(given.listen.trim())}`)
    say('way', given.way, before.way)
    say('players', words(given.players).join(), words(before.players).join())
    say('proxy-protocol', given.proxy_protocol, before.proxy_protocol)
  } else if (before.doorman) said.push('--no-doorman')
  say('users-may', given.users_may.join(), before.users_may.join())
  return said.join(' \\\n  ')
}

/** A password is better given by the environment than typed. */
export const withPassword = (given: Typed, line: string) =>
  given.rcon && given.rcon_password ? `INNKEEPER_RCON_PASSWORD=… ${line}` : line
