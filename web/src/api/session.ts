// The session lives in cookies that scripts cannot read. The access token lasts a quarter of an hour; when it is over,
// the refresh token gets the next one, once for all requests and all tabs that wait for it.

const RENEWED_AT = 'session-renewed-at'
const ENDED = 'innkeeper:session-ended'

/** Calls `listener` when nobody is signed in any more. */
export function onSessionEnd(listener: () => void) {
  addEventListener(ENDED, listener)
  return () => removeEventListener(ENDED, listener)
}

const renewedAt = () => Number(localStorage.getItem(RENEWED_AT) ?? 0)

async function ask(since: number): Promise<boolean> {
  // Another tab may have got it while this one waited for its turn.
  if (renewedAt() > since) return true
  const answer = await fetch('/api/v1/sessions/refresh', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  })
  if (answer.ok) localStorage.setItem(RENEWED_AT, String(Date.now()))
  return answer.ok
}

const ACTING = 'acting-token'

/** Acts for somebody else in this tab with a token, until it is over; without one, for oneself again. */
export function actWith(token: string | undefined) {
  if (token) sessionStorage.setItem(ACTING, token)
  else sessionStorage.removeItem(ACTING)
}

let under_way: Promise<boolean> | undefined

/** Gets the next access token; whether there is one now. `since` is when the request was sent that was refused. */
export function renewSession(since = Date.now()): Promise<boolean> {
  under_way ??=
    // Locks exist on secure origins only; elsewhere two tabs may ask at once, which the house allows for half a minute.
    (navigator.locks ? navigator.locks.request('innkeeper-session', () => ask(since)) : ask(since))
      .catch(() => false)
      .finally(() => {
        under_way = undefined
      })
  return under_way
}

/** A key under which the house does a request once, however often it arrives. */
export function idempotencyKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** `fetch` for the API: renews the session once when it is over, and names each order so that it is done once. */
export async function fetchSignedIn(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const request = new Request(input, init)
  if (request.method === 'POST' && !request.headers.has('idempotency-key'))
    request.headers.set('idempotency-key', idempotencyKey())
  const acting = sessionStorage.getItem(ACTING)
  if (acting) request.headers.set('authorization', `Bearer ${acting}`)
  const again = request.clone()
  const since = Date.now()
  const answer = await fetch(request)
  const path = new URL(request.url).pathname
  // What signs somebody in answers 401 for other reasons.
  const signing = /^\/api\/v1\/(sessions(\/(?!current)|$)|setup|registrations|password-rec|email-ver)/.test(path)
  if (acting && answer.ok && request.method === 'DELETE' && path === '/api/v1/sessions/current') actWith(undefined)
  if (answer.status !== 401 || (signing && request.method === 'POST')) return answer
  if (acting) {
    // The half hour is over: one is oneself again.
    actWith(undefined)
    location.assign('/admin/users')
    return answer
  }
  if (await renewSession(since)) return fetch(again)
  dispatchEvent(new Event(ENDED))
  return answer
}
