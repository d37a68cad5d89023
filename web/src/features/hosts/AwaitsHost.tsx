import { Alert, Group, Text } from '@mantine/core'
import { IconMoon } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { LinkAnchor } from '~/components/links'
import { useT } from '~/i18n'
import { allHosts } from './queries'
import { Awaits, HostStatus } from './status'

/** Something goes on when its host is awake: which, and how far that is, where one may see it. */
export function AwaitsHost({ id }: { id?: string | null }) {
  const words = useT().hosts
  const { data } = useQuery(allHosts())
  const host = data?.find((one) => one.id === id)
  return (
    <Alert
      color="indigo"
      className="notice"
      mb="md"
      icon={<IconMoon aria-hidden />}
      title={words.waits(host?.name)}
      role="status"
    >
      <Text size="sm" mb={host ? 'xs' : 0}>
        {words.waitsHint}
      </Text>
      {host && (
        <Group gap="md">
          <HostStatus state={host.state} />
          <Awaits host={host} />
          <LinkAnchor to="/hosts/$id" params={{ id: host.id }} size="sm">
            {words.look}
          </LinkAnchor>
        </Group>
      )}
    </Alert>
  )
}
