import { createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Double } from './double'

export type Told = { id: string; body: { type: string; data: { subject_id: string } } }

/** A program of somebody who is told by webhook: it believes only what is signed, as the guide says. */
export class Receiver extends Double {
  /** What it was told and believed. */
  readonly told: Told[] = []
  /** What it was told and did not believe. */
  forged = 0
  secret = ''
  status = 200

  protected answer(request: IncomingMessage, body: Buffer, response: ServerResponse) {
    if (!this.#believes(request, body)) {
      this.forged += 1
      return response.writeHead(401).end()
    }
    this.told.push({ id: String(request.headers['webhook-id']), body: JSON.parse(body.toString()) })
    response.writeHead(this.status).end()
  }

  #believes({ headers }: IncomingMessage, body: Buffer) {
    const at = headers['webhook-timestamp']
    if (!(Math.abs(Date.now() / 1000 - Number(at)) <= 300)) return false
    const key = Buffer.from(this.secret.replace(/^whsec_/, ''), 'base64')
    const ours = createHmac('sha256', key).update(`${headers['webhook-id']}.${at}.`).update(body).digest('base64')
    return String(headers['webhook-signature'])
      .split(' ')
      .some((one) => one.length === ours.length + 3 && timingSafeEqual(Buffer.from(one), Buffer.from(`v1,${ours}`)))
  }
}
