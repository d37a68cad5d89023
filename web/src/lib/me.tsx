import { useQueries, useSuspenseQuery } from '@tanstack/react-query'
import { createContext, type ReactNode, use, useCallback, useMemo, useState } from 'react'
import { getMeOptions, getProjectOptions, type Membership, type Project } from '~/api'
import { useT } from '~/i18n'

const KEPT = 'project'

type Here = {
  /** The project whose rooms and credits are shown. */
  projectId: string
  project: Project | undefined
  /** All projects that one belongs to. */
  projects: Project[]
  choose: (id: string) => void
}
const Context = createContext<Here | null>(null)

export const useMe = () => useSuspenseQuery({ ...getMeOptions(), staleTime: 60_000 }).data

/** Whether somebody looks after the house. */
export const useIsStaff = () => useMe().user.role !== 'user'
export const useIsAdmin = () => useMe().user.role === 'admin'

export function ProjectProvider({ children }: { children: ReactNode }) {
  const me = useMe()
  const [chosen, setChosen] = useState(() => localStorage.getItem(KEPT))
  const ids = me.memberships.map((one) => one.project_id)
  const answers = useQueries({
    queries: ids.map((id) => ({ ...getProjectOptions({ path: { id } }), staleTime: 300_000 })),
  })
  const projectId = chosen && ids.includes(chosen) ? chosen : me.user.personal_project
  const projects = answers.flatMap((answer) => (answer.data ? [answer.data] : []))
  const known = projects.map((one) => `${one.id} ${one.name}`).join()
  const choose = useCallback((id: string) => {
    localStorage.setItem(KEPT, id)
    setChosen(id)
  }, [])
  // biome-ignore lint/correctness/useExhaustiveDependencies: `known` stands for the projects, which are made anew each time
  const value = useMemo(
    () => ({ projectId, project: projects.find((one) => one.id === projectId), projects, choose }),
    [projectId, known, choose],
  )
  return <Context value={value}>{children}</Context>
}

export function useHere(): Here {
  const here = use(Context)
  if (!here) throw new Error('no project: put it into a ProjectProvider')
  return here
}

/** What one is in a project; nothing for staff who look at somebody else's. */
export const useMembership = (projectId: string | undefined): Membership | undefined =>
  useMe().memberships.find((one) => one.project_id === projectId)?.membership

/** Why one may not change what is in a project; nothing when one may. */
export function useMayChange(projectId: string | undefined): string | undefined {
  const t = useT()
  const staff = useIsStaff()
  const membership = useMembership(projectId)
  return staff || membership === 'owner' || membership === 'member' ? undefined : t.common.viewerOnly
}

/** Why one may not decide about a project itself; nothing when one may. */
export function useMayOwn(projectId: string | undefined): string | undefined {
  const t = useT()
  const admin = useIsAdmin()
  const membership = useMembership(projectId)
  return admin || membership === 'owner' ? undefined : t.common.ownersOnly
}
