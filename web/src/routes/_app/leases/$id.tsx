import { Alert, Button, Code, Group, Menu, Select, SimpleGrid, Stack, Text } from '@mantine/core'
import { modals } from '@mantine/modals'
import { notifications } from '@mantine/notifications'
import { IconArrowsDiff, IconClockPlus, IconKey, IconTrash } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import { useState } from 'react'
import {
  getLeaseCatalogueOptions,
  getLeaseLogOptions,
  getLeaseOptions,
  getOrderOptions,
  type Lease,
  refetch,
} from '~/api'
import {
  askForLeaseConsole,
  endLease,
  quoteRenewal,
  renew,
  renewLeaseToken,
  resizeLease,
  runLeaseCommand,
} from '~/api/gen/sdk.gen'
import { CanButton, CanItem } from '~/components/Can'
import { CommandHints } from '~/components/CommandHints'
import { Credits } from '~/components/Credits'
import { confirm } from '~/components/confirm'
import { DialogForm } from '~/components/DialogForm'
import { Facts } from '~/components/Facts'
import { LinkAnchor, LinkBack } from '~/components/links'
import { PageHeader } from '~/components/PageHeader'
import { Copy, showSecret } from '~/components/SecretOnce'
import { Section } from '~/components/Section'
import { InstanceStatus, LeaseStatus } from '~/components/StatusBadge'
import { Answered } from '~/components/states'
import { When } from '~/components/When'
import { useActionName } from '~/features/audit/useActionName'
import { ConsolePanel } from '~/features/consoles/ConsolePanel'
import { RunCommand } from '~/features/consoles/RunCommand'
import { SizeText, sizeText } from '~/features/instances/SizeText'
import { TimeField } from '~/features/leases/TimeField'
import { useT } from '~/i18n'
import { useFormat } from '~/lib/format'
import { useHere } from '~/lib/me'
import { shellWord } from '~/lib/words'

export const Route = createFileRoute('/_app/leases/$id')({ component: LeasePage })

function LeasePage() {
  const { id } = Route.useParams()
  const query = useQuery({
    ...getLeaseOptions({ path: { id } }),
    refetchInterval: ({ state }) => (state.data?.state === 'making' ? 3000 : 60_000),
  })
  return <Answered query={query}>{(lease) => <Shown lease={lease} />}</Answered>
}

const stale = ['getLease', 'listLeases', 'getLeaseLog', 'getBalance']

function Shown({ lease }: { lease: Lease }) {
  const t = useT()
  const f = useFormat()
  const words = t.leases
  const path = { id: lease.id }
  const over =
    lease.state === 'ended' || lease.state === 'failed' || lease.state === 'ending'
      ? words.states[lease.state]
      : undefined
  const idle = lease.state === 'active' ? undefined : words.onlyActive
  const open = (title: string, dialog: React.ReactNode) => modals.open({ title, children: dialog })
  const again = () => refetch(...stale)
  return (
    <>
      <PageHeader
        title={lease.name}
        sub={
          <Group gap="md">
            <LeaseStatus state={lease.state} />
            {lease.address && (
              <Text ff="monospace" size="sm">
                {lease.address}
              </Text>
            )}
            {lease.expires_at && (
              <Text size="sm">
                {words.ends} <When at={lease.expires_at} />
              </Text>
            )}
          </Group>
        }
        back={<LinkBack to="/leases">{words.title}</LinkBack>}
      >
        <CanButton
          why={over}
          leftSection={<IconClockPlus size={16} aria-hidden />}
          onClick={() => open(words.renewTitle(lease.name), <RenewDialog lease={lease} />)}
        >
          {words.renew}
        </CanButton>
        <Menu position="bottom-end" width={250}>
          <Menu.Target>
            <Button variant="default">{t.common.actions}</Button>
          </Menu.Target>
          <Menu.Dropdown>
            <CanItem
              why={idle}
              leftSection={<IconArrowsDiff size={16} aria-hidden />}
              onClick={() => open(words.resizeTitle(lease.name), <ResizeDialog lease={lease} />)}
            >
              {words.resize}
            </CanItem>
            <CanItem
              why={over}
              leftSection={<IconKey size={16} aria-hidden />}
              onClick={() =>
                confirm({
                  title: words.newTokenTitle,
                  body: words.newTokenBody,
                  label: words.newToken,
                  danger: false,
                  extra: (
                    <CommandHints
                      hints={[{ cli: `innkeeper lease token ${lease.id}`, path: `/api/v1/leases/${lease.id}/token` }]}
                    />
                  ),
                  act: () => renewLeaseToken({ path }),
                  onDone: ({ data }) =>
                    showSecret({
                      title: words.token,
                      secret: data.token,
                      about: words.tokenAbout,
                      close: t.common.savedIt,
                    }),
                })
              }
            >
              {words.newToken}
            </CanItem>
            <Menu.Divider />
            <CanItem
              why={over}
              color="red"
              leftSection={<IconTrash size={16} aria-hidden />}
              onClick={() =>
                confirm({
                  title: words.endTitle(lease.name),
                  body: words.endBody,
                  label: words.end,
                  name: lease.name,
                  extra: (
                    <CommandHints
                      hints={[
                        {
                          cli: `innkeeper lease end ${lease.id}`,
                          method: 'DELETE',
                          path: `/api/v1/leases/${lease.id}`,
                        },
                      ]}
                    />
                  ),
                  act: async () => endLease({ path }).then(again),
                })
              }
            >
              {words.end}
            </CanItem>
          </Menu.Dropdown>
        </Menu>
      </PageHeader>
      <Stack>
        <SimpleGrid cols={{ base: 1, lg: 2 }}>
          <Section title={words.about}>
            <Facts
              items={[
                [t.instances.size, <SizeText key="size" size={lease.size} />],
                [words.price, `${f.fine(lease.hourly_micros)} ${t.common.perHour}`],
                [words.started, lease.started_at && <When key="began" at={lease.started_at} />],
                [words.ends, lease.expires_at && <When key="ends" at={lease.expires_at} />],
                [words.graceEnds, lease.grace_ends_at && <When key="grace" at={lease.grace_ends_at} />],
                [
                  words.instance,
                  lease.instance_id && (
                    <Group key="instance" gap="sm">
                      <LinkAnchor to="/instances/$id" params={{ id: lease.instance_id }} size="sm">
                        {lease.name}
                      </LinkAnchor>
                      {lease.instance_state && <InstanceStatus state={lease.instance_state} />}
                    </Group>
                  ),
                ],
                [words.wallet, lease.wallet && <Code key="wallet">{lease.wallet}</Code>],
                [words.leaseId, <Code key="id">{lease.id}</Code>],
                [
                  words.renewUrl,
                  <Group key="url" gap="xs">
                    <Code style={{ overflowWrap: 'anywhere' }}>{lease.renew_url}</Code>
                    <Copy text={lease.renew_url} />
                  </Group>,
                ],
              ]}
            />
          </Section>
          <Log lease={lease} />
        </SimpleGrid>
        <Section title={words.console}>
          <ConsolePanel
            kinds={['text']}
            why={() => idle}
            ask={(kind) => askForLeaseConsole({ path, body: { kind } })}
          />
        </Section>
        <Section title={words.exec}>
          <RunCommand
            why={idle}
            run={(body) => runLeaseCommand({ path, body })}
            hint={(body) => ({
              cli: `innkeeper lease exec ${lease.id} -- sh -c ${shellWord('script' in body.command ? body.command.script || 'uname -a' : '')}`,
              path: `/api/v1/leases/${lease.id}/exec`,
              body,
            })}
          />
        </Section>
      </Stack>
    </>
  )
}

function Log({ lease }: { lease: Lease }) {
  const t = useT()
  const f = useFormat()
  const name = useActionName()
  const words = t.leases
  const query = useQuery(getLeaseLogOptions({ path: { id: lease.id } }))
  return (
    <Section title={words.log}>
      <Answered query={query}>
        {(log) => (
          <Stack gap="xs">
            {log.orders.map((one) => (
              <Group key={one.id} justify="space-between" gap="xs">
                <Text size="sm">
                  {words.orderKinds[one.kind] ?? one.kind} · {f.fine(one.price_micros)} {t.common.credits}
                </Text>
                <Text size="sm" c="dimmed">
                  {words.orderStates[one.state]} · <When at={one.created_at} />
                </Text>
              </Group>
            ))}
            {log.items.map((one) => (
              <Group key={`${one.at}${one.what}`} justify="space-between" gap="xs">
                <Text size="sm" c={one.outcome === 'refused' ? 'red' : undefined}>
                  {name(one.what)}
                </Text>
                <Text size="sm" c="dimmed">
                  <When at={one.at} />
                </Text>
              </Group>
            ))}
          </Stack>
        )}
      </Answered>
    </Section>
  )
}

function RenewDialog({ lease }: { lease: Lease }) {
  const t = useT()
  const words = t.leases
  const { projectId, projects } = useHere()
  const [minutes, setMinutes] = useState(60)
  const [project, setProject] = useState<string>(projectId)
  const { data: catalogue } = useQuery(getLeaseCatalogueOptions())
  const body = { minutes, pay_with: 'credits' as const, project_id: project }
  const { data: quote } = useQuery({
    queryKey: [{ _id: 'quoteRenewal', id: lease.id, minutes }],
    queryFn: async () => (await quoteRenewal({ path: { id: lease.id }, body: { minutes } })).data,
    placeholderData: (before) => before,
  })
  const [order, setOrder] = useState<string>()
  const { data: ordered } = useQuery({
    ...getOrderOptions({ path: { id: order ?? '' } }),
    enabled: !!order,
    refetchInterval: 2000,
  })
  if (order && ordered)
    return (
      <Alert color="teal" className="notice" role="status">
        {words.orderStates[ordered.order.state]}
      </Alert>
    )
  return (
    <DialogForm
      label={words.renew}
      onCancel={() => modals.closeAll()}
      hints={[
        {
          cli: `innkeeper lease renew ${lease.id} --minutes ${minutes} --credits ${project}`,
          path: `/api/v1/leases/${lease.id}/renew`,
          body,
        },
      ]}
      submit={async () => {
        const { data } = await renew({ path: { id: lease.id }, body })
        void refetch(...stale)
        if (data.order.state === 'delivered') {
          notifications.show({ color: 'teal', message: words.renewed })
          modals.closeAll()
        } else setOrder(data.order.id)
      }}
    >
      <TimeField minutes={minutes} onChange={setMinutes} terms={catalogue?.terms} />
      {projects.length > 1 && (
        <Select
          label={words.project}
          allowDeselect={false}
          value={project}
          onChange={(next) => next && setProject(next)}
          data={projects.map((one) => ({ value: one.id, label: one.name }))}
        />
      )}
      <Group justify="space-between">
        <Text size="sm" c="dimmed">
          {words.cost}
        </Text>
        <Text fw={650}>{quote ? <Credits micros={quote.price_micros} exact /> : '…'}</Text>
      </Group>
    </DialogForm>
  )
}

function ResizeDialog({ lease }: { lease: Lease }) {
  const t = useT()
  const f = useFormat()
  const words = t.leases
  const { data: catalogue } = useQuery(getLeaseCatalogueOptions())
  const [plan, setPlan] = useState<string | null>(lease.plan_id ?? null)
  const body = { plan: plan ?? '' }
  return (
    <DialogForm
      about={words.resizeBody}
      label={words.resize}
      disabled={!plan || plan === lease.plan_id}
      onCancel={() => modals.closeAll()}
      hints={[
        {
          cli: `innkeeper lease resize ${lease.id} --plan ${plan ?? ''}`,
          path: `/api/v1/leases/${lease.id}/resize`,
          body,
        },
      ]}
      submit={async () => {
        await resizeLease({ path: { id: lease.id }, body })
        void refetch(...stale)
        notifications.show({ color: 'teal', message: words.resized })
        modals.closeAll()
      }}
    >
      <Select
        label={words.plan}
        allowDeselect={false}
        value={plan}
        onChange={setPlan}
        data={
          catalogue?.plans.map((one) => ({
            value: one.id,
            label: `${one.name} · ${sizeText(t, f, one.size)} · ${f.fine(one.hourly_micros)} ${t.common.perHour}`,
          })) ?? []
        }
      />
    </DialogForm>
  )
}
