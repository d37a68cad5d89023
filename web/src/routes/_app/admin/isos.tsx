import { Button, Checkbox, Code, Group, Select, Text, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { modals } from '@mantine/modals'
import { IconDisc, IconPlus, IconTrash } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import { type Iso, listIsosOptions, refetch } from '~/api'
import { addIso, removeIso } from '~/api/gen/sdk.gen'
import { CommandHints } from '~/components/CommandHints'
import { confirm } from '~/components/confirm'
import { DialogForm } from '~/components/DialogForm'
import { PageHeader } from '~/components/PageHeader'
import { ResourceTable } from '~/components/ResourceTable'
import { Nothing } from '~/components/states'
import { When } from '~/components/When'
import { useClusters } from '~/features/admin/names'
import { RowActions } from '~/features/admin/RowActions'
import { useT } from '~/i18n'
import { atField } from '~/lib/problems'
import { shellWord } from '~/lib/words'

export const Route = createFileRoute('/_app/admin/isos')({ component: Isos })

function Isos() {
  const t = useT()
  const words = t.admin.stores
  const { names } = useClusters()
  const query = useQuery(listIsosOptions())
  const add = (
    <Button
      leftSection={<IconPlus size={16} aria-hidden />}
      onClick={() => modals.open({ title: words.addIso, children: <IsoDialog onDone={() => modals.closeAll()} /> })}
    >
      {words.addIso}
    </Button>
  )
  const menu = (one: Iso) => (
    <RowActions
      name={one.name}
      deeds={[
        {
          id: 'remove',
          label: words.removeIso,
          icon: IconTrash,
          danger: true,
          run: () =>
            confirm({
              title: words.removeIsoTitle(one.name),
              body: words.removeIsoBody,
              label: words.removeIso,
              extra: (
                <CommandHints
                  hints={[
                    {
                      cli: `innkeeper iso remove ${shellWord(one.name)}`,
                      method: 'DELETE',
                      path: `/api/v1/isos/${one.id}`,
                    },
                  ]}
                />
              ),
              act: () => removeIso({ path: { id: one.id } }).then(() => refetch('listIsos')),
            }),
        },
      ]}
    />
  )
  return (
    <>
      <PageHeader title={words.isos} sub={words.isosSub}>
        {add}
      </PageHeader>
      <ResourceTable
        label={words.isos}
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
                {one.rescue && (
                  <Text size="xs" c="dimmed">
                    {words.rescue}
                  </Text>
                )}
              </>
            ),
          },
          {
            key: 'cluster',
            title: words.cluster,
            render: (one) => <Text size="sm">{names.get(one.cluster_id ?? '') ?? '–'}</Text>,
          },
          { key: 'volume', title: words.volume, from: 'md', render: (one) => <Code>{one.volume}</Code> },
          { key: 'when', title: words.since, from: 'lg', render: (one) => <When at={one.created_at} size="sm" /> },
        ]}
        acts={menu}
        card={(one) => (
          <>
            <Group justify="space-between" wrap="nowrap">
              <Text fw={600}>{one.name}</Text>
              {menu(one)}
            </Group>
            <Text size="sm" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
              {names.get(one.cluster_id ?? '')} · {one.volume}
              {one.rescue && ` · ${words.rescue}`}
            </Text>
          </>
        )}
        empty={
          <Nothing icon={IconDisc} title={words.isosNone} action={add}>
            {words.isosHint}
          </Nothing>
        }
      />
    </>
  )
}

function IsoDialog({ onDone }: { onDone: () => void }) {
  const t = useT()
  const words = t.admin.stores
  const { clusters, names } = useClusters()
  const form = useForm({
    initialValues: { name: '', cluster_id: null as string | null, volume: '', rescue: false },
    validate: {
      name: (text) => (text.trim() ? null : t.common.required),
      cluster_id: (id) => (id ? null : t.create.choose),
      volume: (text) => (text.trim() ? null : t.common.required),
    },
  })
  const { name, cluster_id, volume, rescue } = form.values
  const body = { name: name.trim(), cluster_id: cluster_id ?? '', volume: volume.trim(), rescue }
  return (
    <DialogForm
      about={words.isoAbout}
      label={words.addIso}
      onCancel={onDone}
      hints={[
        {
          cli: `innkeeper iso add ${shellWord(body.name || 'Rescue')} --cluster ${shellWord(names.get(body.cluster_id) ?? 'lodge')} --volume ${shellWord(body.volume || 'local:iso/rescue.iso')}${rescue ? ' --rescue' : ''}`,
          path: '/api/v1/isos',
          body,
        },
      ]}
      onRefused={(error, text) => atField(form, error, text)}
      submit={() =>
        !form.validate().hasErrors &&
        addIso({ body }).then(() => {
          void refetch('listIsos')
          onDone()
        })
      }
    >
      <TextInput data-autofocus label={t.common.name} {...form.getInputProps('name')} />
      <Select
        label={words.cluster}
        data={clusters?.map((one) => ({ value: one.id, label: one.name })) ?? []}
        {...form.getInputProps('cluster_id')}
      />
      <TextInput label={words.volume} placeholder="local:iso/debian-12-netinst.iso" {...form.getInputProps('volume')} />
      <Checkbox label={words.rescueHint} {...form.getInputProps('rescue', { type: 'checkbox' })} />
    </DialogForm>
  )
}
