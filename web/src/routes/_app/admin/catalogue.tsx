import { Box } from '@mantine/core'
import { createFileRoute, Outlet } from '@tanstack/react-router'
import { PageHeader } from '~/components/PageHeader'
import { PageTabs } from '~/components/PageTabs'
import { useT } from '~/i18n'

export const Route = createFileRoute('/_app/admin/catalogue')({ component: Catalogue })

/** What the house offers, and for how much. */
function Catalogue() {
  const words = useT().admin.catalogue
  return (
    <>
      <PageHeader title={words.title} sub={words.sub} />
      <PageTabs
        label={words.title}
        tabs={[
          { to: '/admin/catalogue', label: words.templates },
          { to: '/admin/catalogue/plans', label: words.plans },
          { to: '/admin/catalogue/prices', label: words.prices },
        ]}
      />
      <Box pt="md">
        <Outlet />
      </Box>
    </>
  )
}
