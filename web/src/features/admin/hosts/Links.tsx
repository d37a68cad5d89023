import { Button, Group, Text } from '@mantine/core'
import { IconCheck, IconQuestionMark, IconX } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { checkHostOptions, type Host, type HostLink } from '~/api'
import { CommandHints } from '~/components/CommandHints'
import { Section } from '~/components/Section'
import { Answered } from '~/components/states'
import { hostHints } from '~/features/hosts/actions'
import { useT } from '~/i18n'

type Stand = 'holds' | 'isBroken' | 'unknown'

/** How a link stands, for whoever knows whether the host sleeps: its silence then breaks nothing. */
export function standOf(link: HostLink, asleep: boolean): Stand {
  if (link.holds == null) return 'unknown'
  if (link.holds) return 'holds'
  const reaches = ['api', 'ping', 'tcp', 'power_privilege'].includes(link.name)
  const silent = !['missing_privilege', 'not_permitted'].includes(link.report.error?.code ?? '')
  return asleep && reaches && silent ? 'unknown' : 'isBroken'
}

/** The chain by which a host is woken, watched and switched off; the broken link is named, with what to do. */
export function Links({ host }: { host: Host }) {
  const words = useT().admin.hosts.check
  const query = useQuery({ ...checkHostOptions({ path: { id: host.id } }), staleTime: 60_000, retry: false })
  const asleep = ['off', 'shutting_down', 'waking'].includes(host.state)
  return (
    <Section
      title={words.title}
      about={words.about}
      action={
        <Button variant="default" size="xs" loading={query.isFetching} onClick={() => void query.refetch()}>
          {words.run}
        </Button>
      }
    >
      <Answered query={query} lines={4}>
        {(links) => {
          const broken = links.filter((one) => standOf(one, asleep) === 'isBroken').length
          return (
            <>
              <Text size="sm" fw={600} role="status" mb={4} c={broken ? 'var(--mantine-color-error)' : undefined}>
                {broken ? words.broken(broken) : words.all}
              </Text>
              <ul style={{ listStyle: 'none', margin: 0, padding: 0 }} aria-label={words.found}>
                {links.map((link) => (
                  <Line key={link.name} link={link} stand={standOf(link, asleep)} />
                ))}
              </ul>
              {asleep && (
                <Text size="sm" c="dimmed" mt="xs">
                  {words.asleep}
                </Text>
              )}
            </>
          )
        }}
      </Answered>
      <div style={{ marginTop: 16 }}>
        <CommandHints hints={[hostHints(host).check]} />
      </div>
    </Section>
  )
}

const looks = {
  holds: { icon: IconCheck, color: 'light-dark(#138a4e, #3ecf8e)' },
  isBroken: { icon: IconX, color: 'var(--mantine-color-error)' },
  unknown: { icon: IconQuestionMark, color: 'var(--mantine-color-dimmed)' },
} as const

function Line({ link, stand }: { link: HostLink; stand: Stand }) {
  const words = useT().admin.hosts.check
  const { icon: Icon, color } = looks[stand]
  const remedies = words.remedies as Record<string, string>
  return (
    <Group component="li" wrap="nowrap" gap="sm" py={8} className="line" align="flex-start">
      <Icon size={18} color={color} style={{ flex: 'none' }} role="img" aria-label={words[stand]} />
      <div style={{ minWidth: 0 }}>
        <Text size="sm" fw={550}>
          {(words.links as Record<string, string>)[link.name] ?? link.name}
        </Text>
        <Text size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
          {link.report.message}
          {link.report.error && `: ${link.report.error.message}`}
        </Text>
        {stand === 'isBroken' && (
          <Text size="sm" mt={4} style={{ overflowWrap: 'anywhere' }}>
            → {remedies[link.name] ?? words.remedies.other}
          </Text>
        )}
      </div>
    </Group>
  )
}
