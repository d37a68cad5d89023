import { Alert, Group, Select, SimpleGrid, Stack, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { notifications } from '@mantine/notifications'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import type { FormEvent } from 'react'
import * as v from 'valibot'
import { type HostAskedWritable, isProblem, listNodesOptions } from '~/api'
import { addHost } from '~/api/gen/sdk.gen'
import { CanButton } from '~/components/Can'
import { CommandHints } from '~/components/CommandHints'
import { LinkBack } from '~/components/links'
import { PageHeader } from '~/components/PageHeader'
import { Section } from '~/components/Section'
import { type HostForm, ProfileFields } from '~/features/admin/hosts/ProfileFields'
import { cliOf, fieldOf, profileOf, secretsOf, typed } from '~/features/admin/hosts/profile'
import { useClusters } from '~/features/admin/names'
import { staleHost } from '~/features/hosts/actions'
import { allHosts } from '~/features/hosts/queries'
import { useT } from '~/i18n'
import { useAct } from '~/lib/act'
import { useProblemText } from '~/lib/problems'
import { shellWord } from '~/lib/words'

export const Route = createFileRoute('/_app/admin/hosts-new')({
  validateSearch: v.object({ cluster: v.optional(v.string()), node: v.optional(v.string()) }),
  component: NewHost,
})

function NewHost() {
  const t = useT()
  const words = t.admin.hosts
  const text = useProblemText()
  const asked = Route.useSearch()
  const navigate = Route.useNavigate()
  const { clusters, names } = useClusters()
  const { data: hosts } = useQuery(allHosts())
  const form = useForm<HostForm>({
    initialValues: {
      ...typed({ wake: { by: 'cluster' } }),
      name: asked.node ?? '',
      cluster_id: asked.cluster ?? '',
      node: asked.node ?? '',
    },
    validate: {
      name: (name) => (name.trim() ? null : t.common.required),
      cluster_id: (id) => (id ? null : t.common.required),
      node: (node) => (node ? null : t.common.required),
      mac: (mac, values) => (values.wake === 'packet' && !mac.trim() ? t.common.required : null),
      url: (url, values) => (values.wake === 'webhook' && !url.trim() ? t.common.required : null),
      host_key: (key, values) => (values.ssh && !key.trim() ? t.common.required : null),
    },
  })
  const { values } = form
  const nodes = useQuery({
    ...listNodesOptions({ path: { id: values.cluster_id }, query: { limit: 200 } }),
    enabled: !!values.cluster_id,
  })
  const free = nodes.data?.items.filter(
    (node) => !hosts?.some((one) => one.cluster_id === values.cluster_id && one.node === node.name),
  )
  const secrets = secretsOf(values)
  const body: HostAskedWritable = {
    name: values.name.trim(),
    cluster_id: values.cluster_id,
    node: values.node,
    profile: profileOf(values),
    ...(secrets ? { secrets } : {}),
  }
  const add = useAct(() => addHost({ body }), {
    quiet: true,
    onDone: (host) => {
      notifications.show({ color: 'teal', message: words.added(host.name) })
      void staleHost()
      void navigate({ to: '/hosts/$id', params: { id: host.id } })
    },
  })
  const send = (event: FormEvent) => {
    event.preventDefault()
    if (form.validate().hasErrors) return
    add.mutate(undefined, {
      onError: (error) => {
        if (isProblem(error) && error.field) form.setFieldError(fieldOf(error.field), text(error))
      },
    })
  }
  return (
    <>
      <PageHeader
        title={words.addTitle}
        sub={words.addSub}
        back={<LinkBack to="/admin/hosts">{words.title}</LinkBack>}
      />
      <form onSubmit={send} noValidate>
        <Stack maw={820}>
          <Section title={words.which}>
            <SimpleGrid cols={{ base: 1, sm: 3 }}>
              <Select
                label={words.cluster}
                data={clusters?.map((one) => ({ value: one.id, label: one.name })) ?? []}
                {...form.getInputProps('cluster_id')}
                onChange={(id) => {
                  form.setFieldValue('cluster_id', id ?? '')
                  form.setFieldValue('node', '')
                }}
              />
              <Select
                label={words.node}
                placeholder={values.cluster_id ? undefined : words.nodePick}
                disabled={!values.cluster_id}
                data={free?.map((node) => node.name) ?? []}
                {...form.getInputProps('node')}
                onChange={(node) => {
                  form.setFieldValue('node', node ?? '')
                  if (node && !values.name) form.setFieldValue('name', node)
                }}
              />
              <TextInput label={t.common.name} placeholder="barn" autoComplete="off" {...form.getInputProps('name')} />
            </SimpleGrid>
          </Section>
          <ProfileFields form={form} />
          {add.error != null && (
            <Alert color="red" role="alert">
              {text(add.error)}
            </Alert>
          )}
          <CommandHints
            hints={[
              {
                cli: `innkeeper host add ${shellWord(body.name || 'barn')} --cluster ${shellWord(names.get(values.cluster_id) ?? 'lodge')} --node ${shellWord(values.node || 'pve1')} ${cliOf(values)}`.trim(),
                path: '/api/v1/hosts',
                body: { ...body, ...(secrets ? { secrets: 'SECRETS' } : {}) },
              },
            ]}
          />
          <Group justify="flex-end">
            <CanButton type="submit" loading={add.isPending}>
              {words.addTitle}
            </CanButton>
          </Group>
        </Stack>
      </form>
    </>
  )
}
