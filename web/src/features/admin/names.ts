import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import type { Cluster, Project, User } from '~/api'
import { listClusters, listProjects, listUsers } from '~/api/gen/sdk.gen'
import { wholeList } from '~/api/pages'

const allUsers = () => wholeList<User>('listUsers', 'names', (asked, signal) => listUsers({ query: asked, signal }))
export const allProjects = () =>
  wholeList<Project>('listProjects', 'names', (asked, signal) => listProjects({ query: asked, signal }))
export const allClusters = () =>
  wholeList<Cluster>('listClusters', undefined, (asked, signal) => listClusters({ query: asked, signal }))

const byName = <T extends { id: string; name: string }>(list: T[] | undefined) =>
  new Map(list?.map((one) => [one.id, one.name]))

/** What people are called, for lists that know only their ids. */
export function useUserNames() {
  const { data } = useQuery({ ...allUsers(), staleTime: 60_000 })
  return useMemo(() => byName(data), [data])
}

export function useProjectNames() {
  const { data } = useQuery({ ...allProjects(), staleTime: 60_000 })
  return useMemo(() => byName(data), [data])
}

export function useClusters() {
  const { data } = useQuery(allClusters())
  return useMemo(() => ({ clusters: data, names: byName(data) }), [data])
}
