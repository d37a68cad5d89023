import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import type { Instance } from '~/api'
import { listInstances, listPlans, listTemplates } from '~/api/gen/sdk.gen'
import { wholeList } from '~/api/pages'

/** All instances that one may see, or those of one project; live. */
export const allInstances = (projectId?: string) =>
  wholeList<Instance>('listInstances', projectId, (asked, signal) =>
    listInstances({ query: { ...asked, ...(projectId ? { project_id: projectId } : {}) }, signal }),
  )

/** The names of instances, for lists that know only their ids. */
export function useInstanceNames(enabled = true) {
  const { data } = useQuery({ ...allInstances(), enabled })
  return useMemo(() => new Map(data?.map((one) => [one.id, one.name])), [data])
}

export const allTemplates = () =>
  wholeList('listTemplates', undefined, (asked, signal) => listTemplates({ query: asked, signal }))
export const allPlans = () => wholeList('listPlans', undefined, (asked, signal) => listPlans({ query: asked, signal }))

export function useTemplateNames() {
  const { data } = useQuery(allTemplates())
  return useMemo(() => new Map(data?.map((one) => [one.id, one.name])), [data])
}
