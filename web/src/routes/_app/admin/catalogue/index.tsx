import { Button, Group, Text } from '@mantine/core'
import { modals } from '@mantine/modals'
import { IconDatabase, IconEye, IconEyeOff, IconPlus, IconTemplate } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import { refetch, type Template } from '~/api'
import { changeTemplate } from '~/api/gen/sdk.gen'
import { CommandHints } from '~/components/CommandHints'
import { confirm } from '~/components/confirm'
import { ResourceTable } from '~/components/ResourceTable'
import { Badge } from '~/components/StatusBadge'
import { Nothing } from '~/components/states'
import { SourcesDialog } from '~/features/admin/catalogue/SourcesDialog'
import { TemplateDialog } from '~/features/admin/catalogue/TemplateDialog'
import { RowActions } from '~/features/admin/RowActions'
import { allInstances, allTemplates } from '~/features/instances/queries'
import { SizeText } from '~/features/instances/SizeText'
import { useT } from '~/i18n'

export const Route = createFileRoute('/_app/admin/catalogue/')({ component: Templates })

function Templates() {
  const t = useT()
  const words = t.admin.catalogue
  const query = useQuery(allTemplates())
  const { data: instances } = useQuery(allInstances())
  const used = (one: Template) => instances?.filter((instance) => instance.template_id === one.id).length ?? 0
  const create = () =>
    modals.open({ title: words.newTemplate, size: 'lg', children: <TemplateDialog onDone={() => modals.closeAll()} /> })
  const offered = (one: Template) => (
    <Badge tone={one.offered ? 'good' : 'quiet'}>{one.offered ? words.offered : words.notOffered}</Badge>
  )
  const menu = (one: Template) => (
    <RowActions
      name={one.name}
      deeds={[
        {
          id: 'sources',
          label: words.sources,
          icon: IconDatabase,
          run: () =>
            modals.open({
              title: words.sourcesOf(one.name),
              size: 'lg',
              children: <SourcesDialog template={one} onDone={() => modals.closeAll()} />,
            }),
        },
        {
          id: 'offer',
          label: one.offered ? words.withdraw : words.offer,
          icon: one.offered ? IconEyeOff : IconEye,
          run: () =>
            confirm({
              title: one.offered ? words.withdrawTitle(one.name) : words.offerTitle(one.name),
              body: one.offered ? words.withdrawBody : words.offerBody,
              label: one.offered ? words.withdraw : words.offer,
              danger: one.offered,
              extra: (
                <CommandHints
                  hints={[{ method: 'PATCH', path: `/api/v1/templates/${one.id}`, body: { offered: !one.offered } }]}
                />
              ),
              act: () =>
                changeTemplate({ path: { id: one.id }, body: { offered: !one.offered } }).then(() =>
                  refetch('listTemplates'),
                ),
            }),
        },
      ]}
    />
  )
  return (
    <>
      <Group justify="flex-end" mb="md">
        <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={create}>
          {words.newTemplate}
        </Button>
      </Group>
      <ResourceTable
        label={words.templates}
        rows={query.data}
        error={query.error}
        onRetry={() => void query.refetch()}
        id={(one) => one.id}
        columns={[
          {
            key: 'name',
            title: t.common.name,
            render: (one) => (
              <>
                <Text size="sm" fw={550}>
                  {one.name}
                </Text>
                <Text size="xs" c="dimmed">
                  {t.instances.kinds[one.kind]}
                </Text>
              </>
            ),
          },
          { key: 'offered', title: t.common.state, render: offered },
          {
            key: 'usual',
            title: words.usual,
            from: 'md',
            render: (one) => (
              <Text size="sm">
                <SizeText size={one.default_size} />
              </Text>
            ),
          },
          {
            key: 'range',
            title: words.range,
            from: 'xl',
            render: (one) => (
              <Text size="xs" c="dimmed">
                <SizeText size={one.least} /> –<br />
                <SizeText size={one.most} />
              </Text>
            ),
          },
          {
            key: 'used',
            title: t.instances.title,
            right: true,
            from: 'lg',
            render: (one) => (
              <Text size="sm" className="tnum">
                {used(one)}
              </Text>
            ),
          },
        ]}
        acts={menu}
        card={(one) => (
          <>
            <Group justify="space-between" wrap="nowrap">
              <Text fw={600}>{one.name}</Text>
              {menu(one)}
            </Group>
            <Group gap="md">
              {offered(one)}
              <Text size="sm" c="dimmed">
                {t.instances.kinds[one.kind]}
              </Text>
            </Group>
            <Text size="sm" c="dimmed" mt={4}>
              <SizeText size={one.default_size} />
            </Text>
          </>
        )}
        empty={
          <Nothing
            icon={IconTemplate}
            title={t.templates.empty}
            action={<Button onClick={create}>{words.newTemplate}</Button>}
          >
            {words.templateAbout}
          </Nothing>
        }
      />
    </>
  )
}
