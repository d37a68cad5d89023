import { Checkbox } from '@mantine/core'
import { modals } from '@mantine/modals'
import { notifications } from '@mantine/notifications'
import { useState } from 'react'
import type { Instance } from '~/api'
import { refetch } from '~/api'
import { acceptDrift, restoreDrift } from '~/api/gen/sdk.gen'
import { freshInstance } from '~/app/live'
import { CommandHints } from '~/components/CommandHints'
import { confirm } from '~/components/confirm'
import { DialogForm } from '~/components/DialogForm'
import { settle } from '~/features/instances/actions'
import { useT } from '~/i18n'

/** Deciding which is right where a guest differs from what is held of it. */
export function useDriftDeeds(instance: Instance) {
  const t = useT()
  const words = t.admin.rooms
  const { id, name } = instance
  return {
    accept: () =>
      modals.open({
        title: words.acceptTitle(name),
        children: <AcceptDialog instance={instance} onDone={() => modals.closeAll()} />,
      }),
    restore: () =>
      confirm({
        title: words.restoreTitle(name),
        body: words.restoreBody,
        label: t.instances.overview.driftRestore,
        danger: false,
        extra: (
          <CommandHints
            hints={[{ cli: `innkeeper instance drift restore ${name}`, path: `/api/v1/instances/${id}/drift/restore` }]}
          />
        ),
        act: async () => {
          const { data } = await restoreDrift({ path: { id } })
          if (data.operation) settle(data.operation, id)
          await freshInstance(id)
          notifications.show({
            color: data.left.length ? 'yellow' : 'teal',
            message: data.left.length ? words.left(data.left.join(', ')) : words.restored,
          })
        },
      }),
  }
}

function AcceptDialog({ instance, onDone }: { instance: Instance; onDone: () => void }) {
  const t = useT()
  const words = t.admin.rooms
  const [cheaper, setCheaper] = useState(false)
  const body = cheaper ? { allow_cheaper: true } : {}
  return (
    <DialogForm
      about={words.acceptBody}
      label={t.instances.overview.driftAccept}
      onCancel={onDone}
      hints={[
        {
          cli: `innkeeper instance drift accept ${instance.name}${cheaper ? ' --allow-cheaper' : ''}`,
          path: `/api/v1/instances/${instance.id}/drift/accept`,
          body,
        },
      ]}
      submit={() =>
        acceptDrift({ path: { id: instance.id }, body }).then(async () => {
          await freshInstance(instance.id)
          void refetch('getBalance')
          notifications.show({ color: 'teal', message: words.accepted })
          onDone()
        })
      }
    >
      <Checkbox label={words.cheaper} checked={cheaper} onChange={(event) => setCheaper(event.currentTarget.checked)} />
    </DialogForm>
  )
}
