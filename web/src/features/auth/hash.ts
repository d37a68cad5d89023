/** What stands behind the # of a link that we mailed; it is taken out of the address, so that it is not left lying about. */
export function takeHash(): URLSearchParams {
  const given = new URLSearchParams(location.hash.slice(1))
  forgetHash()
  return given
}

/** Takes out of the address what stands behind the #. */
export function forgetHash() {
  if (location.hash) history.replaceState(history.state, '', location.pathname + location.search)
}

/** The code behind the # of a link that carries nothing else. */
export const codeInHash = () => /[\w-]+/.exec(location.hash)?.[0] ?? ''

/** Goes to a page as another person, or nobody: everything that was known is forgotten with the page. */
export const goAfresh = (path: string) => location.assign(path)

/** Where to go on after signing in: a page of ours, whatever somebody wrote into the address. */
export function ourPath(next: string | undefined): string {
  if (!next?.startsWith('/') || next.startsWith('//') || next.includes('\\')) return '/'
  return next
}
