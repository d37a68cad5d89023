import { Box } from '@mantine/core'
import { createFileRoute, Outlet } from '@tanstack/react-router'
import { PageHeader } from '~/components/PageHeader'
import { PageTabs } from '~/components/PageTabs'
import { useT } from '~/i18n'

export const Route = createFileRoute('/_app/admin/leases')({ component: Leases })

/** What is rented by whom, and how it was paid. */
function Leases() {
  const words = useT().admin.sales
  return (
    <>
      <PageHeader title={words.leases} sub={words.leasesSub} />
      <PageTabs
        label={words.leases}
        tabs={[
          { to: '/admin/leases', label: words.leasesTab },
          { to: '/admin/leases/orders', label: words.orders },
          { to: '/admin/leases/terms', label: words.terms },
        ]}
      />
      <Box pt="md">
        <Outlet />
      </Box>
    </>
  )
}
