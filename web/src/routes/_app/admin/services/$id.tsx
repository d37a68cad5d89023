import { Alert, Button, Group, Stack, Text, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { notifications } from '@mantine/notifications'
import { IconDeviceGamepad2 } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { getServiceOptions, isProblem, refetch, type Service } from '~/api'
import { changeService, removeService } from '~/api/gen/sdk.gen'
import { CommandHints } from '~/components/CommandHints'
import { confirm } from '~/components/confirm'
import { LinkBack, LinkButton } from '~/components/links'
import { PageHeader } from '~/components/PageHeader'
import { Section } from '~/components/Section'
import { Answered } from '~/components/states'
import { ServiceFields } from '~/features/admin/services/ServiceFields'
import {
  changedOf,
  cliOf,
  fieldOf,
  needsPassword,
  type Typed,
  typed,
  withPassword,
} from '~/features/admin/services/settings'
import { serviceHints } from '~/features/services/hints'
import { ServiceStatus } from '~/features/services/status'
import { useT } from '~/i18n'
import { useAct } from '~/lib/act'
import { useProblemText } from '~/lib/problems'

export const Route = createFileRoute('/_app/admin/services/$id')({ component: Settings })

function Settings() {
  const { id } = Route.useParams()
  const t = useT()
  const query = useQuery(getServiceOptions({ path: { id } }))
  return (
    <Answered query={query} lines={8}>
      {(service) => (
        <>
          <PageHeader
            title={t.admin.services.settingsOf(service.name)}
            sub={
              <Group gap="md">
                <ServiceStatus state={service.state} />
                <Text size="sm">{t.services.kinds[service.kind]}</Text>
              </Group>
            }
            back={<LinkBack to="/admin/services">{t.admin.services.title}</LinkBack>}
          >
            <LinkButton
              to="/services/$id"
              params={{ id }}
              variant="default"
              leftSection={<IconDeviceGamepad2 size={16} aria-hidden />}
            >
              {t.admin.services.open}
            </LinkButton>
          </PageHeader>
          <Stack maw={820}>
            <Change key={service.id} service={service} />
            <Removal service={service} />
          </Stack>
        </>
      )}
    </Answered>
  )
}

function Change({ service }: { service: Service }) {
  const t = useT()
  const words = t.admin.services
  const text = useProblemText()
  // What is typed stays while the service goes on; what was there before is that which was last saved.
  const [before, setBefore] = useState<Typed>(() => typed(service))
  const form = useForm<Typed>({
    initialValues: before,
    validate: {
      name: (name) => (name.trim() ? null : t.common.required),
      address: (address, values) => (values.place !== 'instance' && !address.trim() ? t.common.required : null),
      rcon_password: (_, values) => (needsPassword(values, before) ? t.common.required : null),
    },
  })
  const { values } = form
  const body = changedOf(values, before)
  const save = useAct(() => changeService({ path: { id: service.id }, body }), {
    quiet: true,
    onDone: (changed) => {
      notifications.show({ color: 'teal', message: words.changed(changed.name) })
      const now = typed(changed)
      setBefore(now)
      form.setValues(now)
      void refetch('listServices', 'getService')
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
  const rename = body.name ? ` --name ${body.name}` : ''
  return (
    <form onSubmit={send} noValidate>
      <Stack>
        <Section title={t.common.name} about={words.placeFixed}>
          <TextInput aria-label={t.common.name} autoComplete="off" {...form.getInputProps('name')} />
        </Section>
        <ServiceFields form={form} known={before.rcon} />
        {save.error != null && (
          <Alert color="red" role="alert">
            {text(save.error)}
          </Alert>
        )}
        <CommandHints
          hints={[
            {
              cli: withPassword(
                values,
                `innkeeper service change ${before.name}${rename} ${cliOf(values, before)}`.trim(),
              ),
              method: 'PATCH',
              path: `/api/v1/services/${service.id}`,
              body: body.rcon ? { ...body, rcon: { ...body.rcon, password: 'PASSWORD' } } : body,
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

function Removal({ service }: { service: Service }) {
  const words = useT().admin.services
  const navigate = Route.useNavigate()
  return (
    <Section
      title={words.danger}
      about={words.removeBody}
      className="danger"
      action={
        <Button
          color="red"
          variant="light"
          onClick={() =>
            confirm({
              title: words.removeTitle(service.name),
              body: words.removeBody,
              label: words.remove,
              name: service.name,
              extra: <CommandHints hints={[serviceHints(service).remove]} />,
              act: () =>
                removeService({ path: { id: service.id } }).then(() => {
                  notifications.show({ color: 'teal', message: words.removed(service.name) })
                  void navigate({ to: '/admin/services' })
                  return refetch('listServices')
                }),
            })
          }
        >
          {words.remove}
        </Button>
      }
    />
  )
}
