import { Stack } from '@mantine/core'
import { createFileRoute } from '@tanstack/react-router'
import { Saved } from '~/features/hosts/Saved'
import { Turns } from '~/features/hosts/Slept'
import { useHost } from '~/features/hosts/useHost'

export const Route = createFileRoute('/_app/hosts/$id/history')({ component: History })

function History() {
  const host = useHost()
  return (
    <Stack>
      <Saved hostId={host.id} />
      <Turns host={host} />
    </Stack>
  )
}
