import { ActionIcon, Card as Box, Group, Menu, NumberInput, Select, Stack, Text, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { modals } from '@mantine/modals'
import { IconDots, IconNetwork, IconPencil, IconPlus, IconTrash } from '@tabler/icons-react'
import type { Card, CardAddress, Instance } from '~/api'
import { addCard, changeCard, listCards, listNetworks, removeCard } from '~/api/gen/sdk.gen'
import { usePages } from '~/api/pages'
import { CanButton, CanItem } from '~/components/Can'
import { confirm } from '~/components/confirm'
import { DialogForm } from '~/components/DialogForm'
import { Section } from '~/components/Section'
import { Failed, Lines } from '~/components/states'
import { settle } from '~/features/instances/actions'
import { useT } from '~/i18n'
import { useMayChange } from '~/lib/me'
import { atField, useReason } from '~/lib/problems'

const useNetworks = () =>
  usePages('listNetworks', undefined, (asked, signal) => listNetworks({ query: asked, signal }), { limit: 200 })

/** Where an instance is plugged in. */
export function Cards({ instance }: { instance: Instance }) {
  const t = useT()
  const words = t.instances.network
  const reason = useReason()
  const mayNot = useMayChange(instance.project_id)
  const networks = useNetworks()
  const list = usePages('listCards', instance.id, (asked, signal) =>
    listCards({ path: { id: instance.id }, query: asked, signal }),
  )
  const why = mayNot ?? reason(instance.actions.find((one) => one.action === 'update'))
  const edit = (card?: Card) =>
    modals.open({
      title: card ? words.change : words.add,
      children: <CardDialog instance={instance} card={card} onDone={() => modals.closeAll()} />,
    })
  const name = (card: Card) => networks.items?.find((one) => one.id === card.network_id)?.name ?? words.unknownNetwork
  return (
    <Section
      title={words.cards}
      about={words.cardsAbout}
      action={
        <CanButton
          variant="default"
          why={why ?? (networks.items?.length === 0 ? words.noNetworks : undefined)}
          onClick={() => edit()}
          leftSection={<IconPlus size={16} aria-hidden />}
        >
          {words.add}
        </CanButton>
      }
    >
      {list.error ? (
        <Failed error={list.error} onRetry={() => void list.refetch()} />
      ) : !list.items ? (
        <Lines count={2} />
      ) : list.items.length === 0 ? (
        <Text size="sm" c="dimmed">
          {words.defaultCard}
        </Text>
      ) : (
        <Stack gap="sm">
          {list.items.map((card) => (
            <Box key={card.number} padding="sm" radius="md">
              <Group justify="space-between" wrap="nowrap">
                <Group wrap="nowrap" gap="md">
                  <IconNetwork size={20} stroke={1.5} aria-hidden />
                  <div>
                    <Text size="sm" fw={550}>
                      {name(card)}
                    </Text>
                    <Text size="xs" c="dimmed">
                      {words.card(card.number)} · {words.ipv4} <Address of={card.ipv4} /> · {words.ipv6}{' '}
                      <Address of={card.ipv6} />
                      {card.rate_mbps ? ` · ${card.rate_mbps} Mbit/s` : ''}
                      {card.vlan ? ` · VLAN ${card.vlan}` : ''}
                    </Text>
                  </div>
                </Group>
                <Menu position="bottom-end">
                  <Menu.Target>
                    <ActionIcon variant="subtle" color="gray" aria-label={t.common.actionsFor(words.card(card.number))}>
                      <IconDots size={18} />
                    </ActionIcon>
                  </Menu.Target>
                  <Menu.Dropdown>
                    <CanItem why={why} onClick={() => edit(card)} leftSection={<IconPencil size={16} aria-hidden />}>
                      {t.common.edit}
                    </CanItem>
                    <CanItem
                      why={why}
                      color="red"
                      leftSection={<IconTrash size={16} aria-hidden />}
                      onClick={() =>
                        confirm({
                          title: words.removeTitle(card.number),
                          body: words.removeBody,
                          label: t.common.remove,
                          act: async () =>
                            settle(
                              (await removeCard({ path: { id: instance.id, number: String(card.number) } })).data,
                              instance.id,
                            ),
                        })
                      }
                    >
                      {t.common.remove}
                    </CanItem>
                  </Menu.Dropdown>
                </Menu>
              </Group>
            </Box>
          ))}
        </Stack>
      )}
    </Section>
  )
}

function Address({ of }: { of: CardAddress | null | undefined }) {
  const t = useT()
  if (!of) return '–'
  return of.address ? (
    <Text span inherit ff="monospace">
      {of.address}
      {of.prefix ? `/${of.prefix}` : ''}
    </Text>
  ) : (
    t.instances.network.modes[of.mode]
  )
}

function CardDialog({ instance, card, onDone }: { instance: Instance; card?: Card; onDone: () => void }) {
  const t = useT()
  const words = t.instances.network
  const { items } = useNetworks()
  const form = useForm({
    initialValues: {
      network_id: card?.network_id ?? null,
      ipv4: card?.ipv4?.address ?? '',
      ipv6: card?.ipv6?.address ?? '',
      rate_mbps: (card?.rate_mbps ?? '') as number | string,
    },
    validate: { network_id: (id) => (id ? null : t.create.choose) },
  })
  const { network_id, ipv4, ipv6, rate_mbps } = form.values
  const body = {
    network_id: network_id ?? '',
    ...(ipv4 ? { ipv4 } : {}),
    ...(ipv6 ? { ipv6 } : {}),
    ...(rate_mbps ? { rate_mbps: Number(rate_mbps) } : {}),
  }
  const url = `/api/v1/instances/${instance.id}/networks`
  return (
    <DialogForm
      label={t.common.save}
      onCancel={onDone}
      hints={[card ? { method: 'PUT', path: `${url}/${card.number}`, body } : { path: url, body }]}
      onRefused={(error, text) => atField(form, error, text)}
      submit={() =>
        !form.validate().hasErrors &&
        (card
          ? changeCard({ path: { id: instance.id, number: String(card.number) }, body })
          : addCard({ path: { id: instance.id }, body })
        ).then(({ data }) => {
          settle(data, instance.id)
          onDone()
        })
      }
    >
      <Select
        label={words.network}
        allowDeselect={false}
        data={items?.map((one) => ({ value: one.id, label: one.name })) ?? []}
        {...form.getInputProps('network_id')}
      />
      <TextInput label={words.ipv4} description={words.askedHint} {...form.getInputProps('ipv4')} />
      <TextInput label={words.ipv6} {...form.getInputProps('ipv6')} />
      <NumberInput label={words.rate} min={1} {...form.getInputProps('rate_mbps')} />
    </DialogForm>
  )
}
