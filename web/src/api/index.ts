import { QueryClient } from '@tanstack/react-query'
import { client } from './gen/client.gen'
import { isProblem } from './problem'
import { fetchSignedIn } from './session'

export * from './gen/@tanstack/react-query.gen'
export type * from './gen/types.gen'
export { hasCode, isProblem } from './problem'
export { actWith, onSessionEnd, renewSession } from './session'

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      // What the house has refused it refuses again; what did not arrive may arrive the next time.
      retry: (count, error) => count < 2 && !isProblem(error),
      refetchOnWindowFocus: true,
    },
  },
})

/** The name of the operation that a query asks: the first part of its key. */
export const operationOf = (key: readonly unknown[]) => (key[0] as { _id?: string } | undefined)?._id ?? ''

/** Asks anew for what these operations answered. */
export const refetch = (...operations: string[]) =>
  queryClient.invalidateQueries({ predicate: (query) => operations.includes(operationOf(query.queryKey)) })

export function setUpApi(baseUrl = location.origin) {
  client.setConfig({ baseUrl, credentials: 'same-origin', fetch: fetchSignedIn as typeof fetch })
}
