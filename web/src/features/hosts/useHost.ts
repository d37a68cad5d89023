import { useSuspenseQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { getHostOptions } from '~/api'

/** The host whose page is shown. */
export function useHost() {
  const { id } = useParams({ from: '/_app/hosts/$id' })
  return useSuspenseQuery(getHostOptions({ path: { id } })).data
}
