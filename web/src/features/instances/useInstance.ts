import { useSuspenseQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { getInstanceOptions } from '~/api'

/** The instance whose page is shown. */
export function useInstance() {
  const { id } = useParams({ from: '/_app/instances/$id' })
  return useSuspenseQuery(getInstanceOptions({ path: { id } })).data
}
