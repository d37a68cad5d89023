import { Code, Group, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { Instance, Service } from '~/api'
import { Copy } from '~/components/SecretOnce'
import { Section } from '~/components/Section'
import { allInstances } from '~/features/instances/queries'
import { useT } from '~/i18n'
import { instanceOf } from './queries'

/** What a client of each kind uses where no port is given. */
const usual: Partial<Record<Service['kind'], number>> = { minecraft_java: 25_565 }

const withPort = (host: string, port: number, kind: Service['kind']) =>
  usual[kind] === port ? host : `${host.includes(':') ? `[${host}]` : host}:${port}`

/** Where one joins: where the house says; staff are told where the doorman stands, else the service itself. */
export function addressOf(service: Service, instances: Instance[] | undefined): string | undefined {
  const { staff, kind } = service
  if (service.join_address) return service.join_address
  if (!staff) return undefined
  const door = /^(?:\[(.+)\]|([^:]+)):(\d+)$/.exec(staff.doorman?.listen ?? '')
  if (door) {
    const named = door[1] ?? door[2] ?? ''
    // He who listens everywhere is found where the house is.
    return withPort(named === '0.0.0.0' || named === '::' ? location.hostname : named, Number(door[3]), kind)
  }
  const host = staff.address ?? instances?.find((one) => one.id === instanceOf(staff.at))?.address
  if (!host) return undefined
  return kind === 'http'
    ? `http://${withPort(host, staff.port, kind)}${staff.path ?? ''}`
    : withPort(host, staff.port, kind)
}

export function Join({ service }: { service: Service }) {
  const words = useT().services
  const { data: instances } = useQuery({ ...allInstances(), enabled: !!instanceOf(service.staff?.at) })
  const address = addressOf(service, instances)
  return (
    <Section title={words.join}>
      {address ? (
        <>
          <Text size="sm" c="dimmed" mb={6}>
            {words.joinAt}
          </Text>
          <Group gap="xs">
            <Code fz="md" p="xs" style={{ flex: '1 1 180px', overflowWrap: 'anywhere' }}>
              {address}
            </Code>
            <Copy text={address} />
          </Group>
        </>
      ) : (
        <Text size="sm" c="dimmed">
          {service.staff ? words.joinUnknown : words.joinHidden}
        </Text>
      )}
      {service.staff?.doorman && (
        <Text size="sm" c="dimmed" mt="sm">
          {words.joinDoor}
        </Text>
      )}
    </Section>
  )
}
