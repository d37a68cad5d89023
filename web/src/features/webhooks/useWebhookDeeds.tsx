import { modals } from '@mantine/modals'
import { IconKey, IconPencil, IconPlayerPause, IconPlayerPlay, IconSend, IconTrash } from '@tabler/icons-react'
import { refetch, type Webhook } from '~/api'
import { changeWebhook, deleteWebhook, rotateWebhookSecret, testWebhook } from '~/api/gen/sdk.gen'
import { CommandHints, type Hint } from '~/components/CommandHints'
import { confirm } from '~/components/confirm'
import { showSecret } from '~/components/SecretOnce'
import type { Deed } from '~/features/admin/RowActions'
import { useT } from '~/i18n'
import { useAct } from '~/lib/act'
import { WebhookDialog } from './WebhookDialog'

const stale = ['getWebhook', 'listWebhooks', 'listDeliveries']

/** What can be done with a webhook, wherever it is shown. */
export function useWebhookDeeds(webhook: Webhook, onGone?: () => void) {
  const t = useT()
  const words = t.webhooks
  const { id, name } = webhook
  const at = `/api/v1/webhooks/${id}`
  const hint = (one: Hint) => <CommandHints hints={[one]} />
  const test = useAct(() => testWebhook({ path: { id } }), { stale, done: words.tested })
  const on = useAct(() => changeWebhook({ path: { id }, body: { enabled: true } }), { stale, done: t.common.saved })
  const edit = () =>
    modals.open({
      title: words.editTitle(name),
      size: 'lg',
      closeOnClickOutside: false,
      children: <WebhookDialog projectId={webhook.project_id} webhook={webhook} onDone={() => modals.closeAll()} />,
    })
  const switchOff = () =>
    confirm({
      title: words.switchOffTitle(name),
      body: words.switchOffBody,
      label: words.switchOff,
      danger: false,
      extra: hint({ cli: `innkeeper webhook change ${id} --off`, method: 'PATCH', path: at, body: { enabled: false } }),
      act: async () => changeWebhook({ path: { id }, body: { enabled: false } }).then(() => refetch(...stale)),
    })
  const rotate = () =>
    confirm({
      title: words.rotateTitle,
      body: words.rotateBody,
      label: words.rotate,
      danger: false,
      extra: hint({ cli: `innkeeper webhook rotate-secret ${id}`, path: `${at}/rotate-secret` }),
      act: () => rotateWebhookSecret({ path: { id } }),
      onDone: ({ data }) =>
        showSecret({
          title: words.secretTitle,
          secret: data.secret ?? '',
          about: words.secretAbout,
          close: t.common.savedIt,
        }),
    })
  const remove = () =>
    confirm({
      title: words.deleteTitle(name),
      body: words.deleteBody,
      label: t.common.delete,
      name,
      extra: hint({ cli: `innkeeper webhook delete ${id}`, method: 'DELETE', path: at }),
      act: async () => {
        await deleteWebhook({ path: { id } })
        onGone?.()
        await refetch('listWebhooks')
      },
    })
  const why = webhook.enabled ? undefined : words.isOff
  const testing: Deed = { id: 'test', label: words.test, icon: IconSend, why, run: () => test.mutate(undefined) }
  const switching: Deed = webhook.enabled
    ? { id: 'off', label: words.switchOff, icon: IconPlayerPause, run: switchOff }
    : { id: 'on', label: words.switchOn, icon: IconPlayerPlay, run: () => on.mutate(undefined) }
  const rest: Deed[] = [
    { id: 'edit', label: words.edit, icon: IconPencil, run: edit },
    { id: 'rotate', label: words.rotate, icon: IconKey, run: rotate },
    switching,
    { id: 'delete', label: t.common.delete, icon: IconTrash, danger: true, run: remove },
  ]
  return { test: testing, switching, rest, busy: test.isPending }
}
