import { Box, Group, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { Host } from '~/api'
import { CanButton } from '~/components/Can'
import { LinkAnchor } from '~/components/links'
import { Section } from '~/components/Section'
import { allServices } from '~/features/services/queries'
import { ServiceStatus, useCount } from '~/features/services/status'
import { useT } from '~/i18n'
import { useHostActions } from './actions'
import { allHosts } from './queries'
import { Awaits, HostStatus } from './status'

const SHOWN = 4

/** For the dashboard: the hosts and services that one may see; nothing where there are none. */
export function HostsCard() {
  const t = useT()
  const count = useCount()
  const { data: hosts } = useQuery(allHosts())
  const { data: services } = useQuery(allServices())
  if (!hosts?.length && !services?.length) return null
  return (
    <Section
      title={t.hosts.dashboard}
      action={
        <LinkAnchor to={hosts?.length ? '/hosts' : '/services'} size="sm">
          {t.dashboard.viewAll}
        </LinkAnchor>
      }
    >
      <Stack gap={0}>
        {hosts?.slice(0, SHOWN).map((one) => (
          <HostLine key={one.id} host={one} />
        ))}
        {services?.slice(0, SHOWN).map((one) => (
          <Group key={one.id} justify="space-between" py={9} gap="sm" className="line">
            <Box flex="1 1 120px" miw={0}>
              <LinkAnchor to="/services/$id" params={{ id: one.id }} size="sm" fw={550} c="inherit">
                {one.name}
              </LinkAnchor>
              <Text size="xs" c="dimmed">
                {t.services.kinds[one.kind]}
                {count(one) && ` · ${count(one)}`}
              </Text>
            </Box>
            <ServiceStatus state={one.state} />
          </Group>
        ))}
      </Stack>
    </Section>
  )
}

/** A host that sleeps can be woken from here. */
function HostLine({ host }: { host: Host }) {
  const actions = useHostActions(host)
  const wanted = host.state === 'idle' ? 'cancel' : host.state === 'off' ? 'wake' : undefined
  const main = actions.find((one) => one.id === wanted)
  return (
    <Group justify="space-between" py={9} gap="sm" className="line">
      <Box flex="1 1 120px" miw={0}>
        <LinkAnchor to="/hosts/$id" params={{ id: host.id }} size="sm" fw={550} c="inherit">
          {host.name}
        </LinkAnchor>
        <Awaits host={host} />
      </Box>
      <Stack gap={4} align="flex-end">
        <HostStatus state={host.state} />
        {main && (
          <CanButton size="compact-xs" variant="light" why={main.why} onClick={main.run}>
            {main.label}
          </CanButton>
        )}
      </Stack>
    </Group>
  )
}
