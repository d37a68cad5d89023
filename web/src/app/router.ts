import { createRouter } from '@tanstack/react-router'
import { queryClient } from '~/api'
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

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
