// Runs before the first paint. A file of its own, since no page of ours has a script inside it.
;(() => {
  let scheme = null
  try {
    scheme = localStorage.getItem('color-scheme')
  } catch {
    // storage may be blocked
  }
  if (scheme !== 'light' && scheme !== 'dark') scheme = matchMedia('(prefers-color-scheme: light)').matches ? 'light' : 'dark'
  document.documentElement.setAttribute('data-mantine-color-scheme', scheme)
})()
