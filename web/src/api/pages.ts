import { hashKey, queryOptions, useInfiniteQuery } from '@tanstack/react-query'
import { queryClient } from './index'

type Page<T> = { items: T[]; next_cursor?: string | null }
type Asked = { limit?: number; cursor?: string }

/** The most that one page of a list holds. */
export const WHOLE_PAGE = 200

/**
 * A list that is read page by page, when somebody wants more of it. The key begins with the operation's name; `scope` says
 * whose list it is, `filter` what is looked for in it: until another filter is answered, what was found before stays.
 */
export function usePages<T>(
  id: string,
  scope: unknown,
  read: (asked: Asked, signal: AbortSignal) => Promise<{ data: Page<T> }>,
  options: { limit?: number; enabled?: boolean; filter?: unknown; every?: number } = {},
) {
  const limit = options.limit ?? 50
  const query = useInfiniteQuery({
    queryKey: [{ _id: id, paged: limit, scope, filter: options.filter }],
    queryFn: async ({ pageParam, signal }) =>
      (await read({ limit, ...(pageParam ? { cursor: pageParam } : {}) }, signal)).data,
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page: Page<T>) => page.next_cursor ?? undefined,
    enabled: options.enabled ?? true,
    placeholderData: (before, asked) =>
      hashKey([asked?.queryKey[0]?.scope]) === hashKey([scope]) ? before : undefined,
    // What no event tells of, such as when a session was last used.
    refetchInterval: options.every,
  })
  const items = query.data?.pages.flatMap((page) => page.items)
  const outdated = query.isPlaceholderData
  const more = query.hasNextPage
    ? { load: () => void query.fetchNextPage(), loading: query.isFetchingNextPage }
    : undefined
  const onRetry = () => void query.refetch()
  // The same as a table takes it.
  const table = { rows: items, error: query.error, outdated, onRetry, more }
  return { ...query, outdated, items, more, table }
}

/** A list that is read whole, page after page; what has arrived is shown while the rest is on its way. */
export function wholeList<T>(
  id: string,
  scope: unknown,
  read: (asked: Asked, signal: AbortSignal) => Promise<{ data: Page<T> }>,
) {
  const queryKey = [{ _id: id, whole: true, scope }] as const
  return queryOptions({
    queryKey,
    queryFn: async ({ signal }): Promise<T[]> => {
      const items: T[] = []
      const first = queryClient.getQueryData<T[]>(queryKey) === undefined
      for (let cursor: string | undefined; ; ) {
        const page = (await read({ limit: WHOLE_PAGE, ...(cursor ? { cursor } : {}) }, signal)).data
        items.push(...page.items)
        if (!page.next_cursor) return items
        cursor = page.next_cursor
        if (first) queryClient.setQueryData<T[]>(queryKey, [...items])
      }
    },
  })
}
