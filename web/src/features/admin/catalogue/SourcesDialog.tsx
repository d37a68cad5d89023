import { Code, Divider, Group, NumberInput, Select, Text, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { notifications } from '@mantine/notifications'
import { useQuery } from '@tanstack/react-query'
import { listNodesOptions, refetch, type Template } from '~/api'
import { addSource, listSources } from '~/api/gen/sdk.gen'
import { usePages } from '~/api/pages'
import { DialogForm } from '~/components/DialogForm'
import { Failed, Lines } from '~/components/states'
import { useT } from '~/i18n'
import { atField } from '~/lib/problems'
import { shellWord } from '~/lib/words'
import { useClusters } from '../names'

/** Where clusters keep a template, and one more place. */
export function SourcesDialog({ template, onDone }: { template: Template; onDone: () => void }) {
  const t = useT()
  const words = t.admin.catalogue
  const { clusters, names } = useClusters()
  const list = usePages('listSources', template.id, (asked, signal) =>
    listSources({ path: { id: template.id }, query: asked, signal }),
  )
  const form = useForm({
    initialValues: {
      cluster_id: null as string | null,
      node: null as string | null,
      volume: '',
      vmid: '' as number | string,
    },
    validate: { cluster_id: (id) => (id ? null : t.create.choose) },
  })
  const { cluster_id, node, volume, vmid } = form.values
  const nodes = useQuery({
    ...listNodesOptions({ path: { id: cluster_id ?? '' }, query: { limit: 200 } }),
    enabled: !!cluster_id,
  })
  const container = template.kind === 'lxc'
  const body = {
    cluster_id: cluster_id ?? '',
    ...(node ? { node } : {}),
    ...(container ? { volume: volume.trim() } : { vmid: Number(vmid) }),
  }
  return (
    <DialogForm
      about={words.sourcesAbout}
      label={words.addSource}
      onCancel={onDone}
      hints={[
        {
          cli: [
            `innkeeper template source ${shellWord(template.name)} --cluster ${shellWord(names.get(cluster_id ?? '') ?? 'lodge')}`,
            container ? `--volume ${shellWord(volume || 'local:vztmpl/debian-12.tar.zst')}` : `--vmid ${vmid || 9000}`,
            ...(node ? [`--node ${node}`] : []),
          ].join(' '),
          path: `/api/v1/templates/${template.id}/sources`,
          body,
        },
      ]}
      onRefused={(error, text) => atField(form, error, text)}
      submit={() =>
        !form.validate().hasErrors &&
        addSource({ path: { id: template.id }, body }).then(() => {
          void refetch('listSources')
          form.reset()
          notifications.show({ color: 'teal', message: t.common.saved })
        })
      }
    >
      {list.error ? (
        <Failed error={list.error} onRetry={() => void list.refetch()} />
      ) : !list.items ? (
        <Lines count={2} />
      ) : list.items.length === 0 ? (
        <Text size="sm">{words.sourcesNone}</Text>
      ) : (
        <div>
          {list.items.map((one) => (
            <Group
              key={`${one.cluster_id}${one.node}${one.volume}${one.vmid}`}
              justify="space-between"
              py={6}
              className="line"
            >
              <Text size="sm" fw={550}>
                {names.get(one.cluster_id)}
                <Text span c="dimmed" size="sm">
                  {' '}
                  · {one.node ?? words.everyNode}
                </Text>
              </Text>
              <Code>{one.volume ?? one.vmid}</Code>
            </Group>
          ))}
        </div>
      )}
      <Divider />
      <Group grow align="flex-start">
        <Select
          label={t.admin.clusters.title}
          data={clusters?.map((one) => ({ value: one.id, label: one.name })) ?? []}
          {...form.getInputProps('cluster_id')}
        />
        <Select
          label={t.instances.node}
          placeholder={words.everyNode}
          clearable
          data={nodes.data?.items.map((one) => one.name) ?? []}
          {...form.getInputProps('node')}
        />
      </Group>
      {container ? (
        <TextInput
          label={words.volume}
          placeholder="local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"
          {...form.getInputProps('volume')}
        />
      ) : (
        <NumberInput label={words.templateVm} placeholder="9000" {...form.getInputProps('vmid')} />
      )}
    </DialogForm>
  )
}
