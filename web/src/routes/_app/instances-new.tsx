import {
  Accordion,
  Alert,
  Box,
  Card,
  Checkbox,
  Divider,
  Grid,
  Group,
  NumberInput,
  Radio,
  Select,
  SimpleGrid,
  Skeleton,
  Stack,
  Text,
  Textarea,
  TextInput,
  Title,
} from '@mantine/core'
import { useForm } from '@mantine/form'
import { IconBox, IconDatabaseExport, IconDeviceDesktop } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import { type ReactNode, useEffect, useState } from 'react'
import * as v from 'valibot'
import { getBackupOptions, getBalanceOptions, type InstanceAsked, isProblem, type Template } from '~/api'
import { createInstance, listNetworks } from '~/api/gen/sdk.gen'
import { usePages } from '~/api/pages'
import { CanButton } from '~/components/Can'
import { CommandHints } from '~/components/CommandHints'
import { Credits } from '~/components/Credits'
import { LinkBack, LinkButton } from '~/components/links'
import { PageHeader } from '~/components/PageHeader'
import { Failed } from '~/components/states'
import { When } from '~/components/When'
import { settle } from '~/features/instances/actions'
import { allPlans, allTemplates } from '~/features/instances/queries'
import { sizeText } from '~/features/instances/SizeText'
import { type Chosen, SizeField, useEstimate } from '~/features/instances/sizes'
import classes from '~/features/instances/sizes.module.css'
import { useT } from '~/i18n'
import { useAct } from '~/lib/act'
import { useFormat } from '~/lib/format'
import { useHere, useMayChange } from '~/lib/me'
import { atField, useProblemText } from '~/lib/problems'
import { lines, shellWord } from '~/lib/words'

export const Route = createFileRoute('/_app/instances-new')({
  validateSearch: v.object({
    template: v.optional(v.string()),
    plan: v.optional(v.string()),
    backup: v.optional(v.string()),
  }),
  component: NewInstance,
})

const KEY = /^(ssh-(ed25519|rsa)|ecdsa-sha2-\S+|sk-\S+) \S+/
const NAME = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/
const web = ['22', '80', '443']

function NewInstance() {
  const t = useT()
  const f = useFormat()
  const text = useProblemText()
  const navigate = Route.useNavigate()
  const search = Route.useSearch()
  const here = useHere()
  const templates = useQuery(allTemplates())
  const plans = useQuery(allPlans())
  const { data: backup } = useQuery({
    ...getBackupOptions({ path: { id: search.backup ?? '' } }),
    enabled: !!search.backup,
  })
  const networks = usePages('listNetworks', undefined, (asked, signal) => listNetworks({ query: asked, signal }), {
    limit: 200,
  })
  const [chosen, setChosen] = useState<Chosen | undefined>(search.plan ? { plan_id: search.plan } : undefined)
  const [error, setError] = useState<unknown>()
  const form = useForm({
    initialValues: {
      name: '',
      template_id: search.template ?? '',
      project_id: here.projectId,
      ssh_keys: '',
      management_key: true,
      user_data: '',
      network_id: null as string | null,
      ipv4: '',
      disk: '' as number | string,
      firewall: false,
    },
    validate: {
      name: (name) => (NAME.test(name.trim()) ? null : t.create.badName),
      template_id: (id) => (search.backup || id ? null : t.create.choose),
      ssh_keys: (keys) => (lines(keys).every((line) => KEY.test(line)) ? null : t.create.badKey),
    },
  })
  const { values } = form
  const offered = templates.data?.filter((one) => one.offered)
  const template = offered?.find((one) => one.id === values.template_id)
  const size: Chosen | undefined =
    chosen ??
    (search.backup && backup
      ? { size: { cores: 1, memory_mib: 1024, disk_gib: backup.disk_gib } }
      : template && { size: template.default_size })
  const { data: estimate, error: noPrice } = useEstimate(size)
  const { data: balance } = useQuery(getBalanceOptions({ path: { id: values.project_id } }))
  const mayNot = useMayChange(values.project_id)

  // The first template is as good a beginning as any.
  const { setFieldValue } = form
  const first = offered?.[0]?.id
  useEffect(() => {
    if (first && !search.template && !search.backup) setFieldValue('template_id', first)
  }, [first, search.template, search.backup, setFieldValue])

  const body: InstanceAsked = {
    name: values.name.trim(),
    project_id: values.project_id,
    ...(search.backup ? { backup_id: search.backup } : { template_id: values.template_id }),
    ...(size ?? {}),
    ssh_keys: lines(values.ssh_keys),
    ...(values.management_key ? {} : { management_key: false }),
    ...(values.user_data.trim() ? { user_data: values.user_data } : {}),
    ...(values.network_id
      ? { networks: [{ network_id: values.network_id, ...(values.ipv4 ? { ipv4: values.ipv4 } : {}) }] }
      : {}),
    ...(values.disk
      ? { disks: [{ size_gib: Number(values.disk), ...(template?.kind === 'lxc' ? { path: '/data' } : {}) }] }
      : {}),
    ...(values.firewall
      ? {
          firewall: {
            enabled: true,
            inbound: 'drop' as const,
            outbound: 'accept' as const,
            rules: web.map((ports) => ({
              direction: 'in' as const,
              action: 'accept' as const,
              protocol: 'tcp' as const,
              ports,
            })),
          },
        }
      : {}),
  }
  const create = useAct(() => createInstance({ body }), {
    quiet: true,
    onDone: (operation) => {
      settle(operation, operation.instance_id)
      void navigate({ to: '/instances/$id', params: { id: operation.instance_id } })
    },
  })
  const submit = form.onSubmit(
    () => {
      setError(undefined)
      create.mutate(undefined, { onError: (refused) => atField(form, refused, text(refused)) || setError(refused) })
    },
    () => setTimeout(() => document.querySelector<HTMLElement>('[aria-invalid=true]')?.focus()),
  )
  const after = balance && estimate ? balance.wallet_micros - estimate.held_micros : undefined
  const short = after !== undefined && after < 0
  const cli = [
    `innkeeper instance create ${shellWord(body.name || 'web-1')}`,
    search.backup ? `--backup ${search.backup}` : `--template ${shellWord(template?.name ?? '…')}`,
    size && 'plan_id' in size
      ? `--plan ${shellWord(plans.data?.find((one) => one.id === size.plan_id)?.name ?? '')}`
      : size && `--cores ${size.size.cores} --memory-mib ${size.size.memory_mib} --disk-gib ${size.size.disk_gib}`,
    ...lines(values.ssh_keys).map((key) => `--ssh-key ${shellWord(key)}`),
  ]
    .filter(Boolean)
    .join(' ')

  return (
    <form onSubmit={submit} noValidate>
      <PageHeader
        title={t.create.title}
        sub={t.create.sub}
        back={<LinkBack to="/instances">{t.instances.title}</LinkBack>}
      />
      <Grid gap="lg">
        <Grid.Col span={{ base: 12, lg: 8 }}>
          <Stack gap="lg">
            {error !== undefined && (
              <Box>
                <Failed error={error} />
              </Box>
            )}
            <Part title={search.backup ? t.create.fromBackup : t.create.template}>
              {search.backup ? (
                <Group>
                  <IconDatabaseExport size={28} stroke={1.5} aria-hidden />
                  <div>
                    <Text size="sm" fw={550}>
                      {backup ? <When at={backup.created_at} /> : '…'} {backup?.note}
                    </Text>
                    <Text size="sm" c="dimmed">
                      {t.create.fromBackupHint}
                    </Text>
                  </div>
                </Group>
              ) : (
                <Radio.Group
                  label={t.create.template}
                  labelProps={{ className: 'visually-hidden' }}
                  {...form.getInputProps('template_id')}
                  onChange={(id) => {
                    form.setFieldValue('template_id', id)
                    if (chosen && 'size' in chosen) setChosen(undefined)
                  }}
                >
                  <SimpleGrid cols={{ base: 1, xs: 2, md: 3 }} spacing="sm">
                    {!offered && [0, 1, 2].map((n) => <Skeleton key={n} h={72} radius="md" />)}
                    {offered?.map((one) => (
                      <TemplateCard key={one.id} one={one} />
                    ))}
                  </SimpleGrid>
                </Radio.Group>
              )}
            </Part>
            <Part title={t.create.size}>
              {size ? (
                <SizeField
                  label={t.create.size}
                  plans={plans.data}
                  template={template}
                  value={size}
                  onChange={setChosen}
                />
              ) : (
                <Skeleton h={104} radius="md" />
              )}
            </Part>
            <Part title={t.create.identity}>
              <SimpleGrid cols={{ base: 1, sm: here.projects.length > 1 ? 2 : 1 }}>
                <TextInput
                  label={t.create.name}
                  description={t.create.nameHint}
                  placeholder="web-1"
                  autoComplete="off"
                  autoCapitalize="none"
                  spellCheck={false}
                  {...form.getInputProps('name')}
                />
                {here.projects.length > 1 && (
                  <Select
                    label={t.create.project}
                    description={<>&nbsp;</>}
                    allowDeselect={false}
                    data={here.projects.map((one) => ({ value: one.id, label: one.name }))}
                    {...form.getInputProps('project_id')}
                  />
                )}
              </SimpleGrid>
            </Part>
            <Part title={t.create.access}>
              <Stack>
                <Textarea
                  label={t.create.keys}
                  description={t.create.keysHint}
                  placeholder="ssh-ed25519 AAAA… ada@example"
                  autosize
                  minRows={2}
                  maxRows={8}
                  className="mono"
                  spellCheck={false}
                  {...form.getInputProps('ssh_keys')}
                />
                <Checkbox
                  label={t.create.managementKey}
                  {...form.getInputProps('management_key', { type: 'checkbox' })}
                />
              </Stack>
            </Part>
            <Accordion variant="contained" radius="lg" className="surface" order={2}>
              <Accordion.Item value="more">
                <Accordion.Control>
                  <Text fw={600} size="sm">
                    {t.create.more}
                  </Text>
                </Accordion.Control>
                <Accordion.Panel>
                  <Stack>
                    <Textarea
                      label={t.create.userData}
                      description={t.create.userDataHint}
                      placeholder={'#!/bin/sh\napt-get update'}
                      autosize
                      minRows={3}
                      maxRows={14}
                      className="mono"
                      spellCheck={false}
                      {...form.getInputProps('user_data')}
                    />
                    <SimpleGrid cols={{ base: 1, sm: 3 }}>
                      <Select
                        label={t.create.network}
                        clearable
                        placeholder={t.create.networkDefault}
                        data={networks.items?.map((one) => ({ value: one.id, label: one.name })) ?? []}
                        {...form.getInputProps('network_id')}
                      />
                      <TextInput
                        label={t.create.address}
                        placeholder="auto"
                        disabled={!values.network_id}
                        {...form.getInputProps('ipv4')}
                      />
                      <NumberInput label={t.create.extraDisk} min={1} {...form.getInputProps('disk')} />
                    </SimpleGrid>
                    <Checkbox label={t.create.firewall} {...form.getInputProps('firewall', { type: 'checkbox' })} />
                  </Stack>
                </Accordion.Panel>
              </Accordion.Item>
            </Accordion>
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, lg: 4 }}>
          <Card pos="sticky" top={72} component="aside" aria-label={t.create.price}>
            <Text size="sm" c="dimmed">
              {template?.name ?? t.create.fromBackup}
            </Text>
            <Text size="sm" mb="md">
              {size &&
                ('size' in size ? sizeText(t, f, size.size) : plans.data?.find((one) => one.id === size.plan_id)?.name)}
            </Text>
            {estimate ? (
              <>
                <Text fz={30} fw={650} lh={1.1} aria-live="polite">
                  <Credits micros={estimate.month_micros} />
                </Text>
                <Text size="sm" c="dimmed" mb="md">
                  {t.create.perMonth}
                </Text>
                <Stack gap={6}>
                  <Line name={t.create.perHour} value={f.fine(estimate.rate.running_micros)} />
                  <Line name={t.create.stopped} value={f.fine(estimate.rate.stopped_micros)} />
                  <Line name={t.create.perDay} value={f.credits(estimate.day_micros)} />
                  <Divider my={4} />
                  <Line name={t.create.balance} value={balance ? f.credits(balance.wallet_micros) : '…'} />
                  <Line name={t.create.held} value={f.fine(estimate.held_micros)} />
                  <Line name={t.create.after} value={after === undefined ? '…' : f.credits(after)} strong bad={short} />
                </Stack>
              </>
            ) : noPrice ? (
              <Text size="sm" c="dimmed">
                {isProblem(noPrice) ? text(noPrice) : t.create.noPrice}
              </Text>
            ) : (
              <Skeleton h={150} />
            )}
            {short && (
              <Alert color="yellow" className="notice" mt="md">
                <Text size="sm">{t.create.tooLittle}</Text>
                <LinkButton
                  to="/projects/$id/credits/top-up"
                  params={{ id: values.project_id }}
                  size="xs"
                  variant="default"
                  mt="xs"
                >
                  {t.create.topUp}
                </LinkButton>
              </Alert>
            )}
            <CanButton type="submit" fullWidth size="md" mt="lg" why={mayNot} loading={create.isPending}>
              {t.create.submit}
            </CanButton>
            <Box mt="md">
              <CommandHints hints={[{ cli, path: '/api/v1/instances', body }]} />
            </Box>
          </Card>
        </Grid.Col>
      </Grid>
    </form>
  )
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Card component="section">
      <Title order={2} size="h5" mb="md">
        {title}
      </Title>
      {children}
    </Card>
  )
}

function TemplateCard({ one }: { one: Template }) {
  const t = useT()
  const Icon = one.kind === 'lxc' ? IconBox : IconDeviceDesktop
  return (
    <Radio.Card value={one.id} className={classes.card} p="md" radius="md">
      <Group wrap="nowrap" gap="sm">
        <Radio.Indicator size="sm" />
        <div style={{ flex: 1, minWidth: 0 }}>
          <Text fw={600} size="sm" truncate>
            {one.name}
          </Text>
          <Text size="xs" c="dimmed">
            {t.instances.kinds[one.kind]}
          </Text>
        </div>
        <Icon size={22} stroke={1.4} aria-hidden color="var(--mantine-color-dimmed)" />
      </Group>
    </Radio.Card>
  )
}

function Line({ name, value, strong, bad }: { name: string; value: string; strong?: boolean; bad?: boolean }) {
  return (
    <Group justify="space-between" gap="xs">
      <Text size="sm" c={strong ? undefined : 'dimmed'} fw={strong ? 600 : undefined}>
        {name}
      </Text>
      <Text size="sm" className="tnum" fw={strong ? 600 : undefined} c={bad ? 'red' : undefined}>
        {value}
      </Text>
    </Group>
  )
}
