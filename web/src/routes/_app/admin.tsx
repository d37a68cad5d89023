import { createFileRoute, notFound, Outlet } from '@tanstack/react-router'
import { getMeOptions } from '~/api'

/** The pages of those who look after the house. Others are told that there is nothing here, as the house tells them. */
export const Route = createFileRoute('/_app/admin')({
  beforeLoad: async ({ context }) => {
    const me = await context.queryClient.ensureQueryData(getMeOptions())
    if (me.user.role === 'user') throw notFound()
  },
  component: Outlet,
})
