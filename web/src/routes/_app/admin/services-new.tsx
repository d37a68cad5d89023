import { Alert, Button, Group, Stack } from '@mantine/core'
import { useForm } from '@mantine/form'
import { notifications } from '@mantine/notifications'
import { createFileRoute } from '@tanstack/react-router'
import type { FormEvent } from 'react'
import * as v from 'valibot'
import { isProblem, refetch } from '~/api'
import { addService } from '~/api/gen/sdk.gen'
import { CommandHints } from '~/components/CommandHints'
import { LinkBack } from '~/components/links'
import { PageHeader } from '~/components/PageHeader'
import { PlaceFields } from '~/features/admin/services/PlaceFields'
import { ServiceFields } from '~/features/admin/services/ServiceFields'
import {
  askedOf,
  blank,
  cliOf,
  fieldOf,
  needsPassword,
  type Typed,
  withPassword,
} from '~/features/admin/services/settings'
import { useHostNames } from '~/features/hosts/queries'
import { useInstanceNames } from '~/features/instances/queries'
import { useT } from '~/i18n'
import { useAct } from '~/lib/act'
import { useProblemText } from '~/lib/problems'
import { shellWord } from '~/lib/words'

export const Route = createFileRoute('/_app/admin/services-new')({
  validateSearch: v.object({ host: v.optional(v.string()), instance: v.optional(v.string()) }),
  component: NewService,
})

function NewService() {
  const t = useT()
  const words = t.admin.services
  const text = useProblemText()
  const asked = Route.useSearch()
  const navigate = Route.useNavigate()
  const hosts = useHostNames()
  const instances = useInstanceNames()
  const needed = (on: boolean, typed: unknown) => (on && !String(typed).trim() ? t.common.required : null)
  const form = useForm<Typed>({
    initialValues: {
      ...blank(),
      place: asked.host ? 'guest' : 'instance',
      host: asked.host ?? '',
      instance: asked.instance ?? '',
    },
    validate: {
      name: (name) => needed(true, name),
      instance: (id, values) => needed(values.place === 'instance', id ?? ''),
      host: (id, values) => needed(values.place !== 'instance', id ?? ''),
      vmid: (vmid, values) => needed(values.place === 'guest', vmid),
      address: (address, values) => needed(values.place !== 'instance', address),
      port: (port) => needed(true, port),
      rcon_password: (_, values) => (needsPassword(values) ? t.common.required : null),
      listen: (listen, values) => needed(values.doorman && values.kind === 'minecraft_java', listen),
    },
  })
  const { values } = form
  const body = askedOf(values)
  const add = useAct(() => addService({ body }), {
    quiet: true,
    onDone: (service) => {
      notifications.show({ color: 'teal', message: words.added(service.name) })
      void refetch('listServices', 'listHosts', 'getHost')
      void navigate({ to: '/services/$id', params: { id: service.id } })
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
  const place =
    values.place === 'instance'
      ? `--instance ${shellWord(instances.get(values.instance) ?? 'NAME')}`
      : `--host ${shellWord(hosts.get(values.host) ?? 'NAME')}${values.place === 'guest' ? ` --vmid ${values.vmid || 'VMID'}` : ''}`
  return (
    <>
      <PageHeader
        title={words.addTitle}
        sub={words.addSub}
        back={<LinkBack to="/admin/services">{words.title}</LinkBack>}
      />
      <form onSubmit={send} noValidate>
        <Stack maw={820}>
          <PlaceFields form={form} />
          <ServiceFields form={form} />
          {add.error != null && (
            <Alert color="red" role="alert">
              {text(add.error)}
            </Alert>
          )}
          <CommandHints
            hints={[
              {
                cli: withPassword(
                  values,
                  `innkeeper service add ${shellWord(body.name || 'survival')} ${place} --kind ${values.kind} ${cliOf(values, { ...blank(), port: '' })}`.trim(),
                ),
                path: '/api/v1/services',
                body: body.rcon ? { ...body, rcon: { ...body.rcon, password: 'PASSWORD' } } : body,
              },
            ]}
          />
          <Group justify="flex-end">
            <Button type="submit" loading={add.isPending}>
              {words.addTitle}
            </Button>
          </Group>
        </Stack>
      </form>
    </>
  )
}
