import { Box } from '@mantine/core'
import { createFileRoute, Outlet } from '@tanstack/react-router'
import { PageHeader } from '~/components/PageHeader'
import { PageTabs } from '~/components/PageTabs'
import { useT } from '~/i18n'

export const Route = createFileRoute('/_app/admin/discord')({ component: Discord })

function Discord() {
  const words = useT().discord
  return (
    <>
      <PageHeader title={words.title} sub={words.sub} />
      <PageTabs
        label={words.title}
        tabs={[
          { to: '/admin/discord', label: words.settings },
          { to: '/admin/discord/texts', label: words.texts },
        ]}
      />
      <Box pt="md">
        <Outlet />
      </Box>
    </>
  )
}
