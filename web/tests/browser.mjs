// A browser at a house that is there, for what is measured: $INNKEEPER_URL, and its administrator's $INNKEEPER_PASSWORD.
import { chromium } from '@playwright/test'

const base = process.env.INNKEEPER_URL ?? 'http://localhost:8080'

/** A new context, of somebody who is signed in where `inside` says so, whose cache is empty. */
export async function visitor({ inside = true, ...options } = {}) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  })
  const context = await browser.newContext({ serviceWorkers: 'block', locale: 'en-GB', baseURL: base, ...options })
  if (inside) {
    const answer = await context.request.post('/api/v1/sessions', {
      data: {
        email: process.env.INNKEEPER_EMAIL ?? 'admin@inn.example',
        password: process.env.INNKEEPER_PASSWORD ?? '',
      },
      headers: { origin: base },
    })
    if (!answer.ok()) throw new Error(`sign-in: ${answer.status()} ${await answer.text()}`)
  }
  return { page: await context.newPage(), end: () => browser.close() }
}
