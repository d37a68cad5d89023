import { Group, Text } from '@mantine/core'
import { modals } from '@mantine/modals'
import { IconLock, IconPlus, IconWebhook } from '@tabler/icons-react'
import { createFileRoute } from '@tanstack/react-router'
import type { Webhook } from '~/api'
import { listWebhooks } from '~/api/gen/sdk.gen'
import { usePages } from '~/api/pages'
import { CanButton } from '~/components/Can'
import { CommandHints } from '~/components/CommandHints'
import { LinkAnchor } from '~/components/links'
import { PageHeader } from '~/components/PageHeader'
import { ResourceTable } from '~/components/ResourceTable'
import { Nothing } from '~/components/states'
import { When } from '~/components/When'
import { RowActions } from '~/features/admin/RowActions'
import { hostOf, useSubjects, WebhookStatus } from '~/features/webhooks/status'
import { useWebhookDeeds } from '~/features/webhooks/useWebhookDeeds'
import { WebhookDialog } from '~/features/webhooks/WebhookDialog'
import { useT } from '~/i18n'
import { useHere, useMayOwn } from '~/lib/me'

export const Route = createFileRoute('/_app/webhooks/')({ component: Webhooks })

/** The most that a project has. */
const MOST = 10

function Webhooks() {
  const t = useT()
  const words = t.webhooks
  const { projectId, project } = useHere()
  const mayNot = useMayOwn(projectId)
  const subjects = useSubjects()
  const list = usePages(
    'listWebhooks',
    projectId,
    (asked, signal) => listWebhooks({ path: { id: projectId }, query: asked, signal }),
    // No event tells how they fare: they would be told of it in turn.
    { enabled: !mayNot, every: 15_000 },
  )
  const create = (
    <CanButton
      why={mayNot ?? ((list.items?.length ?? 0) >= MOST && words.full)}
      leftSection={<IconPlus size={16} aria-hidden />}
      onClick={() =>
        modals.open({
          title: words.createTitle,
          size: 'lg',
          closeOnClickOutside: false,
          children: <WebhookDialog projectId={projectId} onDone={() => modals.closeAll()} />,
        })
      }
    >
      {words.create}
    </CanButton>
  )
  const link = (one: Webhook) => (
    <LinkAnchor to="/webhooks/$id" params={{ id: one.id }} size="sm" fw={550} c="inherit">
      {one.name}
    </LinkAnchor>
  )
  return (
    <>
      <PageHeader title={words.title} sub={words.sub(project?.name ?? '…')}>
        {create}
      </PageHeader>
      {mayNot ? (
        <Nothing icon={IconLock} title={mayNot}>
          {words.emptyHint}
        </Nothing>
      ) : (
        <>
          <ResourceTable
            label={words.title}
            {...list.table}
            id={(one) => one.id}
            columns={[
              {
                key: 'name',
                title: t.common.name,
                render: (one) => (
                  <>
                    {link(one)}
                    <Text size="xs" c="dimmed" className="mono" truncate maw={320}>
                      {hostOf(one.url)}
                    </Text>
                  </>
                ),
              },
              { key: 'state', title: t.common.state, render: (one) => <WebhookStatus webhook={one} /> },
              {
                key: 'subjects',
                title: words.told,
                from: 'md',
                render: (one) => <Text size="sm">{subjects(one)}</Text>,
              },
              { key: 'made', title: words.made, from: 'lg', render: (one) => <When at={one.created_at} size="sm" /> },
            ]}
            acts={(one) => <Acts webhook={one} />}
            card={(one) => (
              <>
                <Group justify="space-between" wrap="nowrap">
                  {link(one)}
                  <Acts webhook={one} />
                </Group>
                <Text size="xs" c="dimmed" className="mono" truncate>
                  {hostOf(one.url)}
                </Text>
                <Group justify="space-between" mt={6}>
                  <WebhookStatus webhook={one} />
                  <Text size="sm" c="dimmed">
                    {subjects(one)}
                  </Text>
                </Group>
              </>
            )}
            empty={
              <Nothing icon={IconWebhook} title={words.empty} action={create}>
                {words.emptyHint}
              </Nothing>
            }
          />
          {!!list.items?.length && (
            <div style={{ marginTop: 16 }}>
              <CommandHints
                hints={[
                  {
                    cli: `innkeeper webhook list ${projectId}`,
                    method: 'GET',
                    path: `/api/v1/projects/${projectId}/webhooks`,
                  },
                ]}
              />
            </div>
          )}
        </>
      )}
    </>
  )
}

function Acts({ webhook }: { webhook: Webhook }) {
  const { test, rest } = useWebhookDeeds(webhook)
  return <RowActions name={webhook.name} deeds={[test, ...rest]} />
}
