import { ModalsProvider } from '@mantine/modals'
import { createFileRoute, redirect, useRouter } from '@tanstack/react-router'
import { useEffect } from 'react'
import { getMeOptions, isProblem, onSessionEnd } from '~/api'
import { AppLayout } from '~/components/shell/AppLayout'
import { goAfresh } from '~/features/auth/hash'
import { ProjectProvider } from '~/lib/me'

export const Route = createFileRoute('/_app')({
  beforeLoad: async ({ context, location }) => {
    try {
      await context.queryClient.ensureQueryData(getMeOptions())
    } catch (error) {
      if (isProblem(error) && error.status === 401) throw redirect({ to: '/sign-in', search: { next: location.href } })
      throw error
    }
  },
  component: Inside,
})

function Inside() {
  const router = useRouter()
  useEffect(
    () => onSessionEnd(() => goAfresh(`/sign-in?next=${encodeURIComponent(router.state.location.href)}`)),
    [router],
  )
  return (
    <ProjectProvider>
      {/* Here, so that dialogs know the project and the way. */}
      <ModalsProvider>
        <AppLayout />
      </ModalsProvider>
    </ProjectProvider>
  )
}
