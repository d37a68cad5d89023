import { Stack } from '@mantine/core'
import { createFileRoute } from '@tanstack/react-router'
import { useInstance } from '~/features/instances/useInstance'
import { Cards } from '~/features/networks/Cards'
import { Disks } from '~/features/networks/Disks'
import { FirewallForm } from '~/features/networks/FirewallForm'

export const Route = createFileRoute('/_app/instances/$id/network')({ component: NetworkTab })

function NetworkTab() {
  const instance = useInstance()
  return (
    <Stack>
      <Cards instance={instance} />
      <FirewallForm instance={instance} />
      <Disks instance={instance} />
    </Stack>
  )
}
