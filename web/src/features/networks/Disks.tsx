import { ActionIcon, Card, Group, Menu, NumberInput, Select, Stack, Text, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { modals } from '@mantine/modals'
import { IconArrowsDiff, IconDatabase, IconDots, IconPlus, IconTrash } from '@tabler/icons-react'
import type { Disk, DiskBus, Instance } from '~/api'
import { addDisk, growDisk, listDisks, removeDisk } from '~/api/gen/sdk.gen'
import { usePages } from '~/api/pages'
import { CanButton, CanItem } from '~/components/Can'
import { confirm } from '~/components/confirm'
import { DialogForm } from '~/components/DialogForm'
import { Section } from '~/components/Section'
import { Failed, Lines } from '~/components/states'
import { settle } from '~/features/instances/actions'
import { useT } from '~/i18n'
import { useFormat } from '~/lib/format'
import { useMayChange } from '~/lib/me'
import { atField, useReason } from '~/lib/problems'

/** The disks that an instance has besides that of its system. */
export function Disks({ instance }: { instance: Instance }) {
  const t = useT()
  const f = useFormat()
  const words = t.instances.network
  const reason = useReason()
  const mayNot = useMayChange(instance.project_id)
  const list = usePages('listDisks', instance.id, (asked, signal) =>
    listDisks({ path: { id: instance.id }, query: asked, signal }),
  )
  const why = mayNot ?? reason(instance.actions.find((one) => one.action === 'update'))
  const open = (title: string, disk?: Disk) =>
    modals.open({ title, children: <DiskDialog instance={instance} disk={disk} onDone={() => modals.closeAll()} /> })
  return (
    <Section
      title={words.disks}
      about={words.disksAbout}
      action={
        <CanButton
          variant="default"
          why={why}
          onClick={() => open(words.diskAdd)}
          leftSection={<IconPlus size={16} aria-hidden />}
        >
          {words.diskAdd}
        </CanButton>
      }
    >
      {list.error ? (
        <Failed error={list.error} onRetry={() => void list.refetch()} />
      ) : !list.items ? (
        <Lines count={2} />
      ) : list.items.length === 0 ? (
        <Text size="sm" c="dimmed">
          {words.diskNone}
        </Text>
      ) : (
        <Stack gap="sm">
          {list.items.map((disk) => (
            <Card key={disk.number} padding="sm" radius="md">
              <Group justify="space-between" wrap="nowrap">
                <Group wrap="nowrap" gap="md">
                  <IconDatabase size={20} stroke={1.5} aria-hidden />
                  <div>
                    <Text size="sm" fw={550}>
                      {words.disk(disk.number)} · {f.gib(disk.size_gib)}
                    </Text>
                    <Text size="xs" c="dimmed" className="tnum">
                      {[disk.path, disk.bus, disk.serial, `${f.fine(disk.rate.running_micros)} ${t.common.perHour}`]
                        .filter(Boolean)
                        .join(' · ')}
                    </Text>
                  </div>
                </Group>
                <Menu position="bottom-end">
                  <Menu.Target>
                    <ActionIcon variant="subtle" color="gray" aria-label={t.common.actionsFor(words.disk(disk.number))}>
                      <IconDots size={18} />
                    </ActionIcon>
                  </Menu.Target>
                  <Menu.Dropdown>
                    <CanItem
                      why={why}
                      onClick={() => open(words.diskGrowTitle(disk.number), disk)}
                      leftSection={<IconArrowsDiff size={16} aria-hidden />}
                    >
                      {words.diskGrow}
                    </CanItem>
                    <CanItem
                      why={why}
                      color="red"
                      leftSection={<IconTrash size={16} aria-hidden />}
                      onClick={() =>
                        confirm({
                          title: words.diskRemoveTitle(disk.number),
                          body: words.diskRemoveBody,
                          label: t.common.remove,
                          name: instance.name,
                          act: async () =>
                            settle(
                              (await removeDisk({ path: { id: instance.id, number: String(disk.number) } })).data,
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
            </Card>
          ))}
        </Stack>
      )}
    </Section>
  )
}

function DiskDialog({ instance, disk, onDone }: { instance: Instance; disk?: Disk; onDone: () => void }) {
  const t = useT()
  const words = t.instances.network
  const form = useForm({
    initialValues: { size_gib: (disk?.size_gib ?? 10) as number | string, path: '/data', bus: null as DiskBus | null },
  })
  const { size_gib, path, bus } = form.values
  const size = Number(size_gib)
  const body = { size_gib: size, ...(instance.kind === 'lxc' ? { path } : bus ? { bus } : {}) }
  const url = `/api/v1/instances/${instance.id}/disks`
  return (
    <DialogForm
      label={disk ? words.diskGrow : words.diskAdd}
      onCancel={onDone}
      hints={[
        disk ? { method: 'PATCH', path: `${url}/${disk.number}`, body: { size_gib: size } } : { path: url, body },
      ]}
      onRefused={(error, text) => atField(form, error, text)}
      submit={async () => {
        const { data } = disk
          ? await growDisk({ path: { id: instance.id, number: String(disk.number) }, body: { size_gib: size } })
          : await addDisk({ path: { id: instance.id }, body })
        settle(data, instance.id)
        onDone()
      }}
    >
      <NumberInput
        data-autofocus
        label={words.diskSize}
        min={disk?.size_gib ?? 1}
        {...form.getInputProps('size_gib')}
      />
      {!disk && instance.kind === 'lxc' && <TextInput label={words.diskPath} {...form.getInputProps('path')} />}
      {!disk && instance.kind === 'qemu' && (
        <Select
          label={words.diskBus}
          clearable
          placeholder="scsi"
          data={['scsi', 'virtio']}
          {...form.getInputProps('bus')}
        />
      )}
    </DialogForm>
  )
}
