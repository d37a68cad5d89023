import { Alert, Button, Group, NumberInput, PasswordInput, SimpleGrid, Stack, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { notifications } from '@mantine/notifications'
import { IconPlugConnected } from '@tabler/icons-react'
import { createFileRoute } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { type ClusterAskedWritable, type ClusterTest, refetch } from '~/api'
import { addCluster, testNewCluster } from '~/api/gen/sdk.gen'
import { CanButton } from '~/components/Can'
import { CommandHints } from '~/components/CommandHints'
import { LinkBack } from '~/components/links'
import { PageHeader } from '~/components/PageHeader'
import { Section } from '~/components/Section'
import { allConfirmed, asEndpoints, Endpoints, type Entered, entered } from '~/features/admin/clusters/Endpoints'
import { Checks } from '~/features/admin/clusters/health'
import { useT } from '~/i18n'
import { useAct } from '~/lib/act'
import { useIsAdmin } from '~/lib/me'
import { atField, useProblemText } from '~/lib/problems'
import { shellWord } from '~/lib/words'

export const Route = createFileRoute('/_app/admin/clusters-new')({ component: NewCluster })

function NewCluster() {
  const t = useT()
  const words = t.admin.clusters
  const text = useProblemText()
  const admin = useIsAdmin()
  const navigate = Route.useNavigate()
  const [list, setList] = useState<Entered[]>(() => [entered()])
  const [found, setFound] = useState<ClusterTest>()
  const form = useForm({
    initialValues: {
      name: '',
      token_id: '',
      token_secret: '',
      bridge: 'vmbr0',
      pool: '',
      first: 10_000 as number | string,
      last: 999_999 as number | string,
      priority: 0 as number | string,
    },
    validate: {
      name: (name) => (name.trim() ? null : t.common.required),
      token_id: (id) => (id.trim() ? null : t.common.required),
      token_secret: (secret) => (secret ? null : t.common.required),
    },
  })
  const { name, token_id, token_secret, bridge, pool, first, last, priority } = form.values
  const body: ClusterAskedWritable = {
    name: name.trim(),
    endpoints: asEndpoints(list),
    token_id: token_id.trim(),
    token_secret,
    bridge: bridge.trim(),
    vmids: { first: Number(first), last: Number(last) },
    priority: Number(priority),
    ...(pool.trim() ? { pool: pool.trim() } : {}),
  }
  const refused = (error: unknown) => void atField(form, error, text(error))
  const test = useAct(() => testNewCluster({ body }), { quiet: true, onDone: setFound })
  const add = useAct(() => addCluster({ body }), {
    quiet: true,
    onDone: (cluster) => {
      notifications.show({ color: 'teal', message: words.added(cluster.name) })
      void refetch('listClusters')
      void navigate({ to: '/admin/clusters/$id', params: { id: cluster.id } })
    },
  })
  const error = add.error ?? test.error
  const why = !admin ? t.admin.adminsOnly : allConfirmed(list) ? undefined : words.confirmFirst
  const send = (event: FormEvent) => {
    event.preventDefault()
    if (!why && !form.validate().hasErrors) add.mutate(undefined, { onError: refused })
  }
  return (
    <>
      <PageHeader
        title={words.addTitle}
        sub={words.addSub}
        back={<LinkBack to="/admin/clusters">{words.title}</LinkBack>}
      />
      <form onSubmit={send} noValidate>
        <Stack maw={820}>
          <Section title={words.where} about={words.whereAbout}>
            <Endpoints
              list={list}
              onChange={(next) => {
                setList(next)
                setFound(undefined)
              }}
            />
          </Section>
          <Section title={words.token} about={words.tokenAbout}>
            <SimpleGrid cols={{ base: 1, sm: 2 }}>
              <TextInput
                label={words.tokenId}
                placeholder="innkeeper@pve!desk"
                autoComplete="off"
                {...form.getInputProps('token_id')}
              />
              <PasswordInput label={words.tokenSecret} autoComplete="off" {...form.getInputProps('token_secret')} />
            </SimpleGrid>
          </Section>
          <Section title={words.guests} about={words.guestsAbout}>
            <SimpleGrid cols={{ base: 1, sm: 2 }}>
              <TextInput label={t.common.name} placeholder="lodge" {...form.getInputProps('name')} />
              <TextInput label={words.bridge} {...form.getInputProps('bridge')} />
              <NumberInput label={words.firstVmid} min={100} {...form.getInputProps('first')} />
              <NumberInput label={words.lastVmid} min={100} {...form.getInputProps('last')} />
              <TextInput label={`${words.pool} (${t.common.optional})`} {...form.getInputProps('pool')} />
              <NumberInput label={words.priority} {...form.getInputProps('priority')} />
            </SimpleGrid>
          </Section>
          {error != null && (
            <Alert color="red" role="alert">
              {text(error)}
            </Alert>
          )}
          {found && (
            <Section title={found.ok ? words.testGood : words.testBad}>
              <Checks checks={found.checks} />
            </Section>
          )}
          <CommandHints
            hints={[
              {
                cli: [
                  `innkeeper cluster add --name ${shellWord(body.name || 'lodge')} --token-id ${shellWord(body.token_id || 'innkeeper@pve!desk')}`,
                  ...list.map((one) => `--endpoint ${shellWord(one.url || 'https://pve1.example.org:8006')}`),
                ].join(' \\\n  '),
                path: '/api/v1/clusters',
                body: { ...body, token_secret: 'SECRET' },
              },
            ]}
          />
          <Group justify="flex-end">
            <CanButton
              variant="default"
              why={why}
              loading={test.isPending}
              leftSection={<IconPlugConnected size={16} aria-hidden />}
              onClick={() => {
                if (!form.validate().hasErrors) test.mutate(undefined, { onError: refused })
              }}
            >
              {words.test}
            </CanButton>
            {why ? (
              <CanButton why={why}>{words.add}</CanButton>
            ) : (
              <Button type="submit" loading={add.isPending}>
                {words.add}
              </Button>
            )}
          </Group>
        </Stack>
      </form>
    </>
  )
}
