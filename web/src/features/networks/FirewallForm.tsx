import { ActionIcon, Button, Card, Group, Select, SimpleGrid, Stack, Switch, Text, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { IconArrowDown, IconArrowUp, IconPlus, IconTrash } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import {
  type Firewall,
  type FirewallDirection,
  type FirewallProtocol,
  type FirewallRule,
  type FirewallVerdict,
  getFirewallOptions,
  type Instance,
  refetch,
} from '~/api'
import { setFirewall } from '~/api/gen/sdk.gen'
import { CanButton } from '~/components/Can'
import { CommandHints } from '~/components/CommandHints'
import { Section } from '~/components/Section'
import { Answered } from '~/components/states'
import { settle } from '~/features/instances/actions'
import { useT } from '~/i18n'
import { useAct } from '~/lib/act'
import { useMayChange } from '~/lib/me'
import { useReason } from '~/lib/problems'

const verdicts: FirewallVerdict[] = ['accept', 'drop', 'reject']
const protocols: FirewallProtocol[] = ['tcp', 'udp', 'icmp', 'icmpv6', 'sctp', 'gre', 'esp']

export function FirewallForm({ instance }: { instance: Instance }) {
  const t = useT()
  const query = useQuery(getFirewallOptions({ path: { id: instance.id } }))
  return (
    <Section title={t.instances.network.firewall}>
      <Answered query={query} lines={3}>
        {(firewall) => <Form key={JSON.stringify(firewall)} instance={instance} firewall={firewall} />}
      </Answered>
    </Section>
  )
}

type Numbered = FirewallRule & { n: number }

function Form({ instance, firewall }: { instance: Instance; firewall: Firewall }) {
  const t = useT()
  const words = t.instances.network
  const reason = useReason()
  const mayNot = useMayChange(instance.project_id)
  const start = () => ({ ...firewall, rules: firewall.rules.map((rule, n): Numbered => ({ ...rule, n })) })
  const [now, setNow] = useState(start)
  const [next, setNext] = useState(firewall.rules.length)
  const body = {
    enabled: now.enabled,
    inbound: now.inbound,
    outbound: now.outbound,
    antispoofing: now.antispoofing,
    rules: now.rules.map(
      ({ n: _, ...rule }) =>
        Object.fromEntries(Object.entries(rule).filter(([, value]) => value !== '' && value !== null)) as FirewallRule,
    ),
  }
  const before = {
    enabled: firewall.enabled,
    inbound: firewall.inbound,
    outbound: firewall.outbound,
    antispoofing: firewall.antispoofing,
    rules: firewall.rules,
  }
  const changed =
    JSON.stringify(body) !==
    JSON.stringify({
      ...before,
      rules: before.rules.map((rule) =>
        Object.fromEntries(Object.entries(rule).filter(([, value]) => value !== '' && value !== null)),
      ),
    })
  const save = useAct(() => setFirewall({ path: { id: instance.id }, body }), {
    onDone: (operation) => {
      notifications.show({ color: 'teal', message: words.saved })
      settle(operation, instance.id)
      void refetch('getFirewall')
    },
  })
  const rule = (n: number, part: Partial<FirewallRule>) =>
    setNow({ ...now, rules: now.rules.map((one) => (one.n === n ? { ...one, ...part } : one)) })
  const move = (from: number, by: number) => {
    const rules = [...now.rules]
    const [one] = rules.splice(from, 1)
    if (one) rules.splice(from + by, 0, one)
    setNow({ ...now, rules })
  }
  const add = () => {
    setNow({
      ...now,
      enabled: true,
      rules: [...now.rules, { n: next, direction: 'in', action: 'accept', enabled: true, protocol: 'tcp', ports: '' }],
    })
    setNext(next + 1)
  }
  const why = mayNot ?? reason(instance.actions.find((one) => one.action === 'update'))
  const verdictData = verdicts.map((value) => ({ value, label: words.verdicts[value] }))
  return (
    <Stack>
      <Group gap="xl">
        <Switch
          label={words.enabled}
          checked={now.enabled}
          onChange={(event) => setNow({ ...now, enabled: event.currentTarget.checked })}
        />
        <Switch
          label={words.antispoofing}
          checked={now.antispoofing}
          onChange={(event) => setNow({ ...now, antispoofing: event.currentTarget.checked })}
        />
      </Group>
      {!now.enabled && (
        <Text size="sm" c="dimmed">
          {words.firewallOff}
        </Text>
      )}
      {now.enabled && (
        <>
          <SimpleGrid cols={{ base: 1, xs: 2 }}>
            <Select
              label={words.inbound}
              allowDeselect={false}
              data={verdictData}
              value={now.inbound}
              onChange={(value) => setNow({ ...now, inbound: value as FirewallVerdict })}
            />
            <Select
              label={words.outbound}
              allowDeselect={false}
              data={verdictData}
              value={now.outbound}
              onChange={(value) => setNow({ ...now, outbound: value as FirewallVerdict })}
            />
          </SimpleGrid>
          <Text size="sm" fw={500}>
            {words.rules}
          </Text>
          {now.rules.length === 0 && (
            <Text size="sm" c="dimmed">
              {words.noRules}
            </Text>
          )}
          {now.rules.map((one, position) => {
            const name = `${words.rule} ${position + 1}`
            return (
              <Card key={one.n} padding="sm" radius="md" role="group" aria-label={name}>
                <SimpleGrid cols={{ base: 1, xs: 2, md: 4 }} spacing="xs">
                  <Select
                    size="xs"
                    label={words.direction}
                    allowDeselect={false}
                    data={(['in', 'out'] as const).map((value) => ({ value, label: words.directions[value] }))}
                    value={one.direction}
                    onChange={(value) => rule(one.n, { direction: value as FirewallDirection })}
                  />
                  <Select
                    size="xs"
                    label={words.action}
                    allowDeselect={false}
                    data={verdictData}
                    value={one.action}
                    onChange={(value) => rule(one.n, { action: value as FirewallVerdict })}
                  />
                  <Select
                    size="xs"
                    label={words.protocol}
                    clearable
                    placeholder={words.anyProtocol}
                    data={protocols}
                    value={one.protocol ?? null}
                    onChange={(value) => rule(one.n, { protocol: value as FirewallProtocol })}
                  />
                  <TextInput
                    size="xs"
                    label={words.ports}
                    placeholder="22, 80:90"
                    value={one.ports ?? ''}
                    onChange={(event) => rule(one.n, { ports: event.currentTarget.value })}
                  />
                  <TextInput
                    size="xs"
                    label={words.source}
                    placeholder="0.0.0.0/0"
                    value={one.source ?? ''}
                    onChange={(event) => rule(one.n, { source: event.currentTarget.value })}
                  />
                  <TextInput
                    size="xs"
                    label={words.destination}
                    value={one.destination ?? ''}
                    onChange={(event) => rule(one.n, { destination: event.currentTarget.value })}
                  />
                  <TextInput
                    size="xs"
                    label={words.comment}
                    value={one.comment ?? ''}
                    onChange={(event) => rule(one.n, { comment: event.currentTarget.value })}
                  />
                  <Group align="flex-end" justify="space-between" wrap="nowrap">
                    <Switch
                      size="xs"
                      label={words.enabled}
                      checked={one.enabled ?? true}
                      onChange={(event) => rule(one.n, { enabled: event.currentTarget.checked })}
                      mb={6}
                    />
                    <Group gap={2} wrap="nowrap">
                      <ActionIcon
                        variant="subtle"
                        color="gray"
                        disabled={position === 0}
                        onClick={() => move(position, -1)}
                        aria-label={`${words.up}: ${name}`}
                      >
                        <IconArrowUp size={16} />
                      </ActionIcon>
                      <ActionIcon
                        variant="subtle"
                        color="gray"
                        disabled={position === now.rules.length - 1}
                        onClick={() => move(position, 1)}
                        aria-label={`${words.down}: ${name}`}
                      >
                        <IconArrowDown size={16} />
                      </ActionIcon>
                      <ActionIcon
                        variant="subtle"
                        color="red"
                        onClick={() => setNow({ ...now, rules: now.rules.filter((other) => other.n !== one.n) })}
                        aria-label={`${t.common.remove}: ${name}`}
                      >
                        <IconTrash size={16} />
                      </ActionIcon>
                    </Group>
                  </Group>
                </SimpleGrid>
              </Card>
            )
          })}
        </>
      )}
      <Group justify="space-between">
        <Button variant="default" leftSection={<IconPlus size={16} aria-hidden />} onClick={add}>
          {words.ruleAdd}
        </Button>
        <Group gap="xs">
          {changed && (
            <Button variant="subtle" color="gray" onClick={() => setNow(start())}>
              {words.revert}
            </Button>
          )}
          <CanButton why={why} disabled={!changed} loading={save.isPending} onClick={() => save.mutate(undefined)}>
            {t.common.save}
          </CanButton>
        </Group>
      </Group>
      <CommandHints hints={[{ method: 'PUT', path: `/api/v1/instances/${instance.id}/firewall`, body }]} />
    </Stack>
  )
}
