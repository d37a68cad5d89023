// What a first visit loads, compressed by Brotli as the house sends it: `npm run weight`. Fails above the limits.
import { brotliCompressSync } from 'node:zlib'
import { visitor } from './browser.mjs'

/** Kilobytes of JavaScript. */
const limits = [
  ['/sign-in', false, 240],
  ['/instances', true, 280],
]

for (const [path, inside, limit] of limits) {
  const { page, end } = await visitor({ inside })
  const loaded = []
  page.on('response', (response) => {
    if (/\/assets\/.*\.(js|css|woff2)$/.test(new URL(response.url()).pathname))
      loaded.push(response.body().then((body) => [new URL(response.url()).pathname, body]))
  })
  await page.goto(path)
  await page.getByRole('heading', { level: 1 }).waitFor()
  await page.waitForLoadState('networkidle')
  const files = (await Promise.all(loaded)).map(([name, body]) => [
    name.replace('/assets/', ''),
    name.endsWith('.woff2') ? body.length : brotliCompressSync(body).length,
  ])
  await end()
  const of = (kind) => files.filter(([name]) => name.endsWith(kind))
  const kilobytes = (some) => some.reduce((sum, [, size]) => sum + size, 0) / 1000
  const js = kilobytes(of('.js'))
  console.log(
    `${path}: ${js.toFixed(1)} kB of JavaScript in ${of('.js').length} files (limit ${limit}), ` +
      `${kilobytes(of('.css')).toFixed(1)} kB of CSS, ${kilobytes(of('.woff2')).toFixed(1)} kB of fonts`,
  )
  for (const [name, size] of of('.js')
    .sort(([, a], [, b]) => b - a)
    .slice(0, process.argv.includes('--all') ? 100 : 5))
    console.log(`  ${(size / 1000).toFixed(1).padStart(6)} ${name}`)
  if (js > limit) process.exitCode = 1
}
