import { Alert, Button, Group, Stack, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { notifications } from '@mantine/notifications'
import { IconMoon } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { getHostOptions, type Host, type HostChangedWritable, isProblem } from '~/api'
import { changeHost, removeHost } from '~/api/gen/sdk.gen'
import { CanButton } from '~/components/Can'
import { CommandHints } from '~/components/CommandHints'
import { confirm } from '~/components/confirm'
import { LinkBack, LinkButton } from '~/components/links'
import { PageHeader } from '~/components/PageHeader'
import { Section } from '~/components/Section'
import { Answered } from '~/components/states'
import { KeySection } from '~/features/admin/hosts/KeySection'
import { Links } from '~/features/admin/hosts/Links'
import { type HostForm, ProfileFields } from '~/features/admin/hosts/ProfileFields'
import { changeLine, fieldOf, profileOf, secretsOf, typed } from '~/features/admin/hosts/profile'
import { hostHints, staleHost } from '~/features/hosts/actions'
import { canOf } from '~/features/hosts/queries'
import { HostStatus } from '~/features/hosts/status'
import { useT } from '~/i18n'
import { useAct } from '~/lib/act'
import { useProblemText, useReason } from '~/lib/problems'

export const Route = createFileRoute('/_app/admin/hosts/$id')({ component: Settings })

function Settings() {
  const { id } = Route.useParams()
  const query = useQuery(getHostOptions({ path: { id } }))
  const t = useT()
  return (
    <Answered query={query} lines={8}>
      {(host) => (
        <>
          <PageHeader
            title={t.admin.hosts.settingsOf(host.name)}
            sub={<HostStatus state={host.state} />}
            back={<LinkBack to="/admin/hosts">{t.admin.hosts.title}</LinkBack>}
          >
            <LinkButton
              to="/hosts/$id"
              params={{ id }}
              variant="default"
              leftSection={<IconMoon size={16} aria-hidden />}
            >
              {t.admin.hosts.open}
            </LinkButton>
          </PageHeader>
          <Stack maw={820}>
            <Links host={host} />
            <KeySection host={host} />
            <Profile key={host.id} host={host} />
            <Removal host={host} />
          </Stack>
        </>
      )}
    </Answered>
  )
}

function Profile({ host }: { host: Host }) {
  const t = useT()
  const words = t.admin.hosts
  const text = useProblemText()
  // What is typed stays while the host goes on; what was there before is that which was last saved.
  const [before, setBefore] = useState(() => typed(host.profile ?? {}))
  const [name, setName] = useState<string>(host.name)
  const form = useForm<HostForm>({
    initialValues: { ...before, name: host.name, cluster_id: host.cluster_id ?? '', node: host.node ?? '' },
    validate: {
      name: (typed) => (typed.trim() ? null : t.common.required),
      mac: (mac, values) => (values.wake === 'packet' && !mac.trim() ? t.common.required : null),
      host_key: (key, values) => (values.ssh && !key.trim() ? t.common.required : null),
    },
  })
  const { values } = form
  const secrets = secretsOf(values)
  const renamed = values.name.trim() !== name
  const body: HostChangedWritable = {
    profile: profileOf(values),
    ...(secrets ? { secrets } : {}),
    ...(renamed ? { name: values.name.trim() } : {}),
  }
  const save = useAct(() => changeHost({ path: { id: host.id }, body }), {
    quiet: true,
    onDone: (changed) => {
      notifications.show({ color: 'teal', message: words.changed(changed.name) })
      const now = typed(changed.profile ?? {})
      setBefore(now)
      setName(changed.name)
      form.setValues(now)
      void staleHost()
    },
  })
  const send = (event: FormEvent) => {
    event.preventDefault()
    if (form.validate().hasErrors) return
    save.mutate(undefined, {
      onError: (error) => {
        if (isProblem(error) && error.field) form.setFieldError(fieldOf(error.field), text(error))
      },
    })
  }
  const rename = renamed ? ` --name ${values.name.trim()}` : ''
  return (
    <form onSubmit={send} noValidate>
      <Stack>
        <Section title={t.common.name}>
          <TextInput aria-label={t.common.name} autoComplete="off" {...form.getInputProps('name')} />
        </Section>
        <ProfileFields form={form} secrets={host.secrets} />
        {save.error != null && (
          <Alert color="red" role="alert">
            {text(save.error)}
          </Alert>
        )}
        <CommandHints
          hints={[
            {
              cli: changeLine(host, values, before) + rename,
              method: 'PATCH',
              path: `/api/v1/hosts/${host.id}`,
              body: { ...body, ...(secrets ? { secrets: 'SECRETS' } : {}) },
            },
          ]}
        />
        <Group justify="flex-end">
          <Button type="submit" loading={save.isPending}>
            {t.common.save}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

function Removal({ host }: { host: Host }) {
  const t = useT()
  const words = t.admin.hosts
  const reason = useReason()
  const navigate = Route.useNavigate()
  // What keeps it from going on the way to sleep keeps it from being let go.
  const why = canOf(host, 'maintain')?.code === 'host_going_to_sleep' ? reason(canOf(host, 'maintain')) : undefined
  return (
    <Section
      title={words.danger}
      about={words.removeBody}
      className="danger"
      action={
        <CanButton
          color="red"
          variant="light"
          why={why}
          onClick={() =>
            confirm({
              title: words.removeTitle(host.name),
              body: words.removeBody,
              label: words.remove,
              name: host.name,
              extra: <CommandHints hints={[hostHints(host).remove]} />,
              act: () =>
                removeHost({ path: { id: host.id } }).then(() => {
                  notifications.show({ color: 'teal', message: words.removed(host.name) })
                  void navigate({ to: '/admin/hosts' })
                  return staleHost()
                }),
            })
          }
        >
          {words.remove}
        </CanButton>
      }
    />
  )
}
