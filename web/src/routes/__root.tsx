import { Button, Container } from '@mantine/core'
import { IconDoorOff } from '@tabler/icons-react'
import type { QueryClient } from '@tanstack/react-query'
import { createRootRouteWithContext, Outlet } from '@tanstack/react-router'
import { isProblem } from '~/api'
import { LinkButton } from '~/components/links'
import { Failed, Nothing } from '~/components/states'
import { useT } from '~/i18n'

export const Route = createRootRouteWithContext<{ queryClient: QueryClient }>()({
  component: Outlet,
  notFoundComponent: Lost,
  errorComponent: Broken,
})

/** Nothing is there, or nothing that one may know of: the house says the same of both. */
export function Lost() {
  const t = useT()
  return (
    <main>
      <Nothing
        order={1}
        icon={IconDoorOff}
        title={t.common.notFound}
        action={<LinkButton to="/">{t.common.home}</LinkButton>}
      >
        {t.common.notFoundHint}
      </Nothing>
    </main>
  )
}

export function Broken({ error, reset }: { error: unknown; reset: () => void }) {
  const t = useT()
  if (isProblem(error) && error.status === 404) return <Lost />
  return (
    <Container size="sm" py="xl">
      <Failed error={error} onRetry={reset} />
      <Button component="a" href="/" variant="subtle" mt="md">
        {t.common.home}
      </Button>
    </Container>
  )
}
