import { createRouter } from '@tanstack/react-router'
import { getMeOptions, queryClient } from '~/api'
import { Broken, Lost } from '~/routes/__root'
import { routeTree } from '~/routeTree.gen'

export const router = createRouter({
  routeTree,
  context: { queryClient },
  defaultPreload: 'intent',
  defaultPreloadStaleTime: 0,
  scrollRestoration: true,
  defaultErrorComponent: Broken,
  defaultNotFoundComponent: Lost,
})

/** Asks for the parts of the page at this address, and for who is there, while the texts are still on their way. */
export function ahead() {
  const wanted: (keyof typeof router.routesById)[] = router
    .matchRoutes(router.latestLocation)
    .map((match) => match.routeId)
  for (const id of wanted) void router.loadRouteChunk(router.routesById[id])?.catch(() => undefined)
  if (wanted.includes('/_app')) void queryClient.prefetchQuery(getMeOptions())
}

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
