import { Button, Code, Group, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getHostKeyOptions, type Host, refetch } from '~/api'
import { changeHost } from '~/api/gen/sdk.gen'
import { CommandHints } from '~/components/CommandHints'
import { confirm } from '~/components/confirm'
import { Copy } from '~/components/SecretOnce'
import { Section } from '~/components/Section'
import { Answered } from '~/components/states'
import { hostHints } from '~/features/hosts/actions'
import { useT } from '~/i18n'

const install = (address: string) =>
  `scp docs/examples/innkeeper-host root@${address}:/usr/local/sbin/innkeeper-host\nssh root@${address} chmod 0755 /usr/local/sbin/innkeeper-host`

/** The key by which a host is told by SSH to switch itself off, and what is to be put where for that. */
export function KeySection({ host }: { host: Host }) {
  const words = useT().admin.hosts.key
  const query = useQuery(getHostKeyOptions({ path: { id: host.id } }))
  const path = `/api/v1/hosts/${host.id}`
  const renew = () =>
    confirm({
      title: words.renewTitle(host.name),
      body: words.renewBody,
      label: words.renew,
      extra: (
        <CommandHints
          hints={[
            { cli: `innkeeper host change ${host.name} --new-key`, method: 'PATCH', path, body: { new_key: true } },
          ]}
        />
      ),
      act: () => changeHost({ path: { id: host.id }, body: { new_key: true } }).then(() => refetch('getHostKey')),
    })
  const line = query.data?.line
  const place = host.profile?.address ?? host.node ?? 'HOST'
  return (
    <Section
      title={words.title}
      about={line ? words.about : undefined}
      action={
        line && (
          <Button variant="default" size="xs" onClick={renew}>
            {words.renew}
          </Button>
        )
      }
    >
      <Answered query={query} lines={2}>
        {(key) =>
          key.line ? (
            <Stack gap="sm">
              <Text size="sm">1. {words.program}</Text>
              <Shown text={install(place)} />
              <Text size="sm">2. {words.line}</Text>
              <Shown text={key.line} />
              <Text size="sm" c="dimmed">
                {words.docs}
              </Text>
              <CommandHints hints={[hostHints(host).key]} />
            </Stack>
          ) : (
            <Text size="sm" c="dimmed">
              {words.none}
            </Text>
          )
        }
      </Answered>
    </Section>
  )
}

const Shown = ({ text }: { text: string }) => (
  <Group gap="xs" align="flex-start">
    <Code block fz="xs" flex="1 1 260px" style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
      {text}
    </Code>
    <Copy text={text} />
  </Group>
)
