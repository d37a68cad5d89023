import { Checkbox, Group, NumberInput, Select, Textarea, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useQuery } from '@tanstack/react-query'
import { type PageNetwork, refetch } from '~/api'
import { addPool, changeNetwork, createNetwork, keepAddress } from '~/api/gen/sdk.gen'
import { DialogForm } from '~/components/DialogForm'
import { useT } from '~/i18n'
import { atField } from '~/lib/problems'
import { words as cut, shellWord } from '~/lib/words'
import { allProjects, useClusters } from './names'

/** A network of a house; the document's own `Network` is one on which wallets pay. */
export type Network = PageNetwork['items'][number]

type Done = { onDone: () => void }
const number = (value: number | string) => (value === '' ? undefined : Number(value))

export function NetworkDialog({ onDone }: Done) {
  const t = useT()
  const words = t.admin.stores
  const { clusters, names } = useClusters()
  const { data: projects } = useQuery(allProjects())
  const form = useForm({
    initialValues: {
      name: '',
      cluster_id: null as string | null,
      bridge: 'vmbr0',
      vlan: '' as number | string,
      mtu: '' as number | string,
      rate_mbps: '' as number | string,
      project_id: null as string | null,
      default: false,
    },
    validate: {
      name: (text) => (text.trim() ? null : t.common.required),
      cluster_id: (id) => (id ? null : t.create.choose),
      bridge: (text) => (text.trim() ? null : t.common.required),
    },
  })
  const given = form.values
  const [vlan, mtu, rate_mbps] = [number(given.vlan), number(given.mtu), number(given.rate_mbps)]
  const body = {
    name: given.name.trim(),
    cluster_id: given.cluster_id ?? '',
    bridge: given.bridge.trim(),
    default: given.default,
    ...(vlan === undefined ? {} : { vlan }),
    ...(mtu === undefined ? {} : { mtu }),
    ...(rate_mbps === undefined ? {} : { rate_mbps }),
    ...(given.project_id ? { project_id: given.project_id } : {}),
  }
  return (
    <DialogForm
      label={words.addNetwork}
      onCancel={onDone}
      hints={[
        {
          cli: [
            `innkeeper network add ${shellWord(body.name || 'public')} --cluster ${shellWord(names.get(body.cluster_id) ?? 'lodge')} --bridge ${shellWord(body.bridge)}`,
            ...(vlan === undefined ? [] : [`--vlan ${vlan}`]),
            ...(mtu === undefined ? [] : [`--mtu ${mtu}`]),
            ...(rate_mbps === undefined ? [] : [`--rate-mbps ${rate_mbps}`]),
            ...(given.project_id ? [`--project ${given.project_id}`] : []),
            ...(given.default ? ['--default'] : []),
          ].join(' '),
          path: '/api/v1/networks',
          body,
        },
      ]}
      onRefused={(error, text) => atField(form, error, text)}
      submit={() =>
        !form.validate().hasErrors &&
        createNetwork({ body }).then(() => {
          void refetch('listNetworks')
          onDone()
        })
      }
    >
      <Group grow align="flex-start">
        <TextInput data-autofocus label={t.common.name} {...form.getInputProps('name')} />
        <Select
          label={words.cluster}
          data={clusters?.map((one) => ({ value: one.id, label: one.name })) ?? []}
          {...form.getInputProps('cluster_id')}
        />
      </Group>
      <Group grow align="flex-start">
        <TextInput label={t.admin.clusters.bridge} {...form.getInputProps('bridge')} />
        <NumberInput label={`VLAN (${t.common.optional})`} min={1} max={4094} {...form.getInputProps('vlan')} />
      </Group>
      <Group grow align="flex-start">
        <NumberInput label={`MTU (${t.common.optional})`} min={576} {...form.getInputProps('mtu')} />
        <NumberInput label={`Mbit/s (${t.common.optional})`} min={1} {...form.getInputProps('rate_mbps')} />
      </Group>
      <Select
        label={words.onlyFor}
        placeholder={words.forAll}
        clearable
        searchable
        data={projects?.map((one) => ({ value: one.id, label: one.name })) ?? []}
        {...form.getInputProps('project_id')}
      />
      <Checkbox label={words.defaultHint} {...form.getInputProps('default', { type: 'checkbox' })} />
    </DialogForm>
  )
}

export function NetworkChangeDialog({ network, onDone }: Done & { network: Network }) {
  const t = useT()
  const words = t.admin.stores
  const form = useForm({
    initialValues: {
      name: network.name,
      mtu: (network.mtu ?? '') as number | string,
      rate_mbps: (network.rate_mbps ?? '') as number | string,
      default: network.default,
    },
  })
  const { name, mtu, rate_mbps } = form.values
  const body = {
    name: name.trim(),
    mtu: number(mtu) ?? null,
    rate_mbps: number(rate_mbps) ?? null,
    ...(form.values.default === network.default ? {} : { default: form.values.default }),
  }
  return (
    <DialogForm
      label={t.common.save}
      onCancel={onDone}
      hints={[{ method: 'PATCH', path: `/api/v1/networks/${network.id}`, body }]}
      onRefused={(error, text) => atField(form, error, text)}
      submit={() =>
        changeNetwork({ path: { id: network.id }, body }).then(() => {
          void refetch('listNetworks')
          onDone()
        })
      }
    >
      <TextInput data-autofocus label={t.common.name} {...form.getInputProps('name')} />
      <Group grow align="flex-start">
        <NumberInput label="MTU" min={576} {...form.getInputProps('mtu')} />
        <NumberInput label="Mbit/s" min={1} {...form.getInputProps('rate_mbps')} />
      </Group>
      <Checkbox label={words.defaultHint} {...form.getInputProps('default', { type: 'checkbox' })} />
    </DialogForm>
  )
}

export function PoolDialog({ network, onDone }: Done & { network: Network }) {
  const t = useT()
  const words = t.admin.stores
  const form = useForm({
    initialValues: { cidr: '', gateway: '', first: '', last: '', dns: '', excluded: '' },
    validate: { cidr: (text) => (text.trim() ? null : t.common.required) },
  })
  const { cidr, gateway, first, last, dns, excluded } = form.values
  const body = {
    cidr: cidr.trim(),
    ...(gateway.trim() ? { gateway: gateway.trim() } : {}),
    ...(first.trim() ? { first: first.trim() } : {}),
    ...(last.trim() ? { last: last.trim() } : {}),
    ...(dns.trim() ? { dns: cut(dns) } : {}),
    ...(excluded.trim() ? { excluded: cut(excluded) } : {}),
  }
  return (
    <DialogForm
      about={words.poolAbout}
      label={words.addPool}
      onCancel={onDone}
      hints={[{ path: `/api/v1/networks/${network.id}/pools`, body }]}
      onRefused={(error, text) => atField(form, error, text)}
      submit={() =>
        !form.validate().hasErrors &&
        addPool({ path: { id: network.id }, body }).then(() => {
          void refetch('listPools')
          onDone()
        })
      }
    >
      <Group grow align="flex-start">
        <TextInput data-autofocus label={words.cidr} placeholder="192.0.2.0/24" {...form.getInputProps('cidr')} />
        <TextInput label={words.gateway} placeholder="192.0.2.1" {...form.getInputProps('gateway')} />
      </Group>
      <Group grow align="flex-start">
        <TextInput label={words.first} placeholder="192.0.2.10" {...form.getInputProps('first')} />
        <TextInput label={words.last} placeholder="192.0.2.250" {...form.getInputProps('last')} />
      </Group>
      <TextInput label={words.dns} placeholder="192.0.2.53" {...form.getInputProps('dns')} />
      <Textarea label={words.excluded} autosize minRows={1} className="mono" {...form.getInputProps('excluded')} />
    </DialogForm>
  )
}

export function KeepDialog({ network, onDone }: Done & { network: Network }) {
  const t = useT()
  const words = t.admin.stores
  const form = useForm({
    initialValues: { address: '', note: '' },
    validate: {
      address: (text) => (text.trim() ? null : t.common.required),
      note: (text) => (text.trim() ? null : t.common.required),
    },
  })
  const body = { address: form.values.address.trim(), note: form.values.note.trim() }
  return (
    <DialogForm
      about={words.keepAbout}
      label={words.keep}
      onCancel={onDone}
      hints={[{ path: `/api/v1/networks/${network.id}/addresses`, body }]}
      onRefused={(error, text) => atField(form, error, text)}
      submit={() =>
        !form.validate().hasErrors &&
        keepAddress({ path: { id: network.id }, body }).then(() => {
          void refetch('listAddresses', 'listPools')
          onDone()
        })
      }
    >
      <TextInput data-autofocus label={words.address} {...form.getInputProps('address')} />
      <TextInput label={words.note} {...form.getInputProps('note')} />
    </DialogForm>
  )
}
