// Pages without a connection. Hashed assets: from the cache first. Pages: from the network first, else the last good one.
// What the API says is never kept.
const CACHE = 'pages-1'
self.addEventListener('install', (event) => event.waitUntil(caches.open(CACHE).then((cache) => cache.add('/'))))
self.addEventListener('activate', (event) =>
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  ),
)
self.addEventListener('fetch', (event) => {
  const url = new URL(event.request.url)
  if (event.request.method !== 'GET' || url.origin !== location.origin) return
  if (url.pathname.startsWith('/assets/'))
    event.respondWith(
      caches.open(CACHE).then(async (cache) => {
        const kept = await cache.match(event.request)
        if (kept) return kept
        const answer = await fetch(event.request)
        if (answer.ok) cache.put(event.request, answer.clone())
        return answer
      }),
    )
  else if (event.request.mode === 'navigate' && !/^\/(api|lease|management|mcp|healthz|readyz|llms)/.test(url.pathname))
    event.respondWith(
      fetch(event.request)
        .then((answer) => {
          if (answer.ok) {
            const kept = answer.clone()
            caches.open(CACHE).then((cache) => cache.put('/', kept))
          }
          return answer
        })
        .catch(() => caches.match('/')),
    )
})
