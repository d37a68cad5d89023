// What Lighthouse says of sign-in and instances, on a desktop: `npm ci && npm run measure`, with the house at
// $INNKEEPER_URL (the program itself, with the portal in it) and its administrator's $INNKEEPER_PASSWORD. The middle of
// three runs counts; let the machine be idle. Fails below the limits.
import { launch } from 'chrome-launcher'
import lighthouse, { desktopConfig } from 'lighthouse'

const base = process.env.INNKEEPER_URL ?? 'http://localhost:8080'
const limits = { performance: 95, accessibility: 100, 'best-practices': 100 }
const RUNS = 3

/** The cookies of somebody who is signed in. */
async function signedIn() {
  const answer = await fetch(`${base}/api/v1/sessions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: base },
    body: JSON.stringify({
      email: process.env.INNKEEPER_EMAIL ?? 'admin@inn.example',
      password: process.env.INNKEEPER_PASSWORD ?? '',
    }),
  })
  if (!answer.ok) throw new Error(`sign-in: ${answer.status} ${await answer.text()}`)
  return answer.headers
    .getSetCookie()
    .map((one) => one.split(';')[0])
    .join('; ')
}

const chrome = await launch({
  chromePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  chromeFlags: ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking'],
  logLevel: 'silent',
})
try {
  for (const [path, headers] of [
    ['/sign-in', {}],
    ['/instances', { Cookie: await signedIn() }],
  ]) {
    const runs = []
    for (let n = 0; n < RUNS; n += 1) {
      const { lhr } = await lighthouse(
        base + path,
        { port: chrome.port, logLevel: 'silent', onlyCategories: Object.keys(limits), extraHeaders: headers },
        desktopConfig,
      )
      if (lhr.runtimeError) throw new Error(lhr.runtimeError.message)
      if (new URL(lhr.finalDisplayedUrl).pathname !== path) throw new Error(`it ended at ${lhr.finalDisplayedUrl}`)
      runs.push(lhr)
    }
    const score = (run, category) => Math.round((run.categories[category].score ?? 0) * 100)
    for (const [category, limit] of Object.entries(limits)) {
      const all = runs.map((run) => score(run, category)).sort((a, b) => a - b)
      const middle = all[all.length >> 1]
      console.log(`${path}: ${category} ${middle} (${all.join(', ')}; at least ${limit})`)
      if (middle < limit) process.exitCode = 1
    }
    const [run] = runs.sort((a, b) => score(b, 'performance') - score(a, 'performance')).slice(RUNS >> 1)
    for (const id of ['first-contentful-paint', 'largest-contentful-paint', 'total-blocking-time', 'speed-index'])
      console.log(`  ${run.audits[id].title}: ${run.audits[id].displayValue}`)
    for (const category of Object.keys(limits))
      for (const { id, weight } of run.categories[category].auditRefs)
        if (weight > 0 && run.audits[id].score !== null && run.audits[id].score < 0.9)
          console.log(`  ${category} lacks: ${run.audits[id].title} ${run.audits[id].displayValue ?? ''}`)
  }
} finally {
  await chrome.kill()
}
