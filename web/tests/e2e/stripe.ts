import { createHmac } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Double } from './double'

export const key = 'sk_test_double'
export const webhookSecret = 'whsec_double'

type Session = Record<string, unknown> & { id: string; amount_total: number; success_url: string; cancel_url: string }

/** A Stripe that is not there: its Checkout Sessions, the page on which one pays, and the word that it sends then. */
export class Stripe extends Double {
  readonly #sessions = new Map<string, Session>()
  /** Where the house wants to hear that somebody has paid. */
  webhook = ''

  protected async answer(request: IncomingMessage, body: Buffer, response: ServerResponse) {
    const { pathname } = new URL(request.url ?? '/', this.url)
    const id = pathname.split('/').at(-1) ?? ''
    const json = (status: number, body: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    if (pathname.startsWith('/c/pay/')) {
      const session = this.#sessions.get(id)
      if (!session) return response.writeHead(404).end()
      if (request.method === 'POST') {
        await this.#paid(session)
        return response.writeHead(303, { location: session.success_url }).end()
      }
      response.setHeader('content-type', 'text/html')
      return response.end(
        `<!doctype html><title>Checkout</title><h1>Pay ${session.amount_total / 100}</h1>
         <form method=post><button>Pay</button></form><a href="${session.cancel_url}">Back</a>`,
      )
    }
    if (request.headers.authorization !== `Bearer ${key}`)
      return json(401, { error: { message: 'Invalid API Key provided' } })
    if (request.method === 'GET') return json(200, this.#sessions.get(id))
    const form = Object.fromEntries(new URLSearchParams(body.toString()))
    const session = {
      id: `cs_test_${this.#sessions.size + 1}`,
      object: 'checkout.session',
      mode: form.mode,
      client_reference_id: form.client_reference_id,
      metadata: { order: form['metadata[order]'] },
      amount_subtotal: Number(form['line_items[0][price_data][unit_amount]']),
      amount_total: Number(form['line_items[0][price_data][unit_amount]']),
      currency: form['line_items[0][price_data][currency]'],
      payment_status: 'unpaid',
      status: 'open',
      payment_intent: null,
      success_url: form.success_url ?? '',
      cancel_url: form.cancel_url ?? '',
      url: '',
    }
    session.url = `${this.url}/c/pay/${session.id}`
    this.#sessions.set(session.id, session)
    return json(200, session)
  }

  async #paid(session: Session) {
    Object.assign(session, { payment_status: 'paid', status: 'complete', payment_intent: `pi_${session.id}` })
    const event = { id: `evt_${session.id}`, object: 'event', type: 'checkout.session.completed' }
    const body = JSON.stringify({ ...event, data: { object: session } })
    const at = Math.floor(Date.now() / 1000)
    const signature = createHmac('sha256', webhookSecret).update(`${at}.${body}`).digest('hex')
    const headers = { 'stripe-signature': `t=${at},v1=${signature}` }
    const answer = await fetch(this.webhook, { method: 'POST', body, headers })
    if (!answer.ok) throw new Error(`the house did not take it: ${answer.status} ${await answer.text()}`)
  }
}
