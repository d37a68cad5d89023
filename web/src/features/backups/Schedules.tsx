import {
  ActionIcon,
  Card,
  Group,
  Menu,
  NumberInput,
  Select,
  SimpleGrid,
  Stack,
  Switch,
  Text,
  TextInput,
} from '@mantine/core'
import { useForm } from '@mantine/form'
import { modals } from '@mantine/modals'
import { IconCalendarPlus, IconDots, IconPencil, IconTrash } from '@tabler/icons-react'
import type { Every, Instance, Keep, Schedule, Timing, Weekday } from '~/api'
import { refetch } from '~/api'
import { changeSchedule, createSchedule, deleteSchedule, listSchedules } from '~/api/gen/sdk.gen'
import { usePages } from '~/api/pages'
import { CanButton } from '~/components/Can'
import { confirm } from '~/components/confirm'
import { DialogForm } from '~/components/DialogForm'
import { Section } from '~/components/Section'
import { Failed, Lines } from '~/components/states'
import { When } from '~/components/When'
import { useT } from '~/i18n'
import type { Messages } from '~/i18n/en'
import { useAct } from '~/lib/act'
import { useMayChange } from '~/lib/me'
import { atField } from '~/lib/problems'

const again = () => void refetch('listSchedules')

/** When backups of an instance are made by themselves, and which are kept. */
export function Schedules({ instance }: { instance: Instance }) {
  const t = useT()
  const words = t.instances.backups
  const why = useMayChange(instance.project_id)
  const list = usePages('listSchedules', instance.id, (asked, signal) =>
    listSchedules({ path: { id: instance.id }, query: asked, signal }),
  )
  const edit = (one?: Schedule) =>
    modals.open({
      title: one ? words.scheduleEdit : words.scheduleAdd,
      size: 'lg',
      children: <ScheduleDialog instance={instance} one={one} onDone={() => modals.closeAll()} />,
    })
  return (
    <Section
      title={words.schedules}
      about={words.schedulesAbout}
      action={
        <CanButton
          variant="default"
          why={why}
          onClick={() => edit()}
          leftSection={<IconCalendarPlus size={16} aria-hidden />}
        >
          {words.scheduleAdd}
        </CanButton>
      }
    >
      {list.error ? (
        <Failed error={list.error} onRetry={() => void list.refetch()} />
      ) : !list.items ? (
        <Lines count={2} />
      ) : list.items.length === 0 ? (
        <Text size="sm" c="dimmed">
          {words.scheduleEmpty}
        </Text>
      ) : (
        <Stack gap="sm">
          {list.items.map((one) => (
            <Line key={one.id} one={one} edit={() => edit(one)} why={why} />
          ))}
        </Stack>
      )}
    </Section>
  )
}

function whenText(t: Messages, when: Timing) {
  const words = t.instances.backups
  const day =
    when.every === 'week' && when.weekday
      ? words.weekdays[when.weekday]
      : when.every === 'month'
        ? `${when.day ?? 1}.`
        : ''
  return [
    words.every.toLowerCase(),
    words.everies[when.every],
    day,
    when.every === 'hour' ? `:${when.at.slice(3, 5)}` : when.at,
  ]
    .filter(Boolean)
    .join(' ')
}

const kept = ['last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const
const keepName = (t: Messages, field: (typeof kept)[number]) =>
  ({
    last: t.instances.backups.keepLast,
    hourly: t.instances.backups.keepHourly,
    daily: t.instances.backups.keepDaily,
    weekly: t.instances.backups.keepWeekly,
    monthly: t.instances.backups.keepMonthly,
    yearly: t.instances.backups.keepYearly,
  })[field]

function Line({ one, edit, why }: { one: Schedule; edit: () => void; why: string | undefined }) {
  const t = useT()
  const words = t.instances.backups
  const toggle = useAct((enabled: boolean) => changeSchedule({ path: { id: one.id }, body: { enabled } }), {
    stale: ['listSchedules'],
  })
  const remove = () =>
    confirm({
      title: words.deleteSchedule,
      body: words.deleteScheduleBody,
      label: t.common.remove,
      act: async () => deleteSchedule({ path: { id: one.id } }).then(again),
    })
  const name = whenText(t, one.when)
  return (
    <Card padding="sm" radius="md">
      <Group justify="space-between" wrap="nowrap">
        <div>
          <Text size="sm" fw={550}>
            {name}
          </Text>
          <Text size="xs" c="dimmed">
            {words.keep}:{' '}
            {kept
              .filter((field) => one.keep[field])
              .map((field) => `${keepName(t, field)} ${one.keep[field]}`)
              .join(' · ') || t.common.all}{' '}
            · {words.next} <When at={one.next_at} />
          </Text>
          {one.problem && (
            <Text size="xs" c="red">
              {one.problem}
            </Text>
          )}
        </div>
        <Group gap="xs" wrap="nowrap">
          <Switch
            aria-label={`${words.enabled}: ${name}`}
            checked={one.enabled}
            disabled={!!why}
            onChange={(event) => toggle.mutate(event.currentTarget.checked)}
          />
          <Menu position="bottom-end">
            <Menu.Target>
              <ActionIcon variant="subtle" color="gray" aria-label={t.common.actionsFor(name)}>
                <IconDots size={18} />
              </ActionIcon>
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Item onClick={edit} disabled={!!why} leftSection={<IconPencil size={16} aria-hidden />}>
                {t.common.edit}
              </Menu.Item>
              <Menu.Item
                onClick={remove}
                disabled={!!why}
                color="red"
                leftSection={<IconTrash size={16} aria-hidden />}
              >
                {t.common.remove}
              </Menu.Item>
            </Menu.Dropdown>
          </Menu>
        </Group>
      </Group>
    </Card>
  )
}

function ScheduleDialog({ instance, one, onDone }: { instance: Instance; one?: Schedule; onDone: () => void }) {
  const t = useT()
  const words = t.instances.backups
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone
  const zones = Intl.supportedValuesOf?.('timeZone') ?? [here]
  const form = useForm({
    initialValues: {
      every: (one?.when.every ?? 'day') as Every,
      at: one?.when.at.slice(0, 5) ?? '03:00',
      weekday: (one?.when.weekday ?? 'sunday') as Weekday,
      day: (one?.when.day ?? 1) as number | string,
      time_zone: one?.when.time_zone ?? here,
      last: one?.keep.last ?? 3,
      hourly: one?.keep.hourly ?? 0,
      daily: one?.keep.daily ?? 7,
      weekly: one?.keep.weekly ?? 0,
      monthly: one?.keep.monthly ?? 0,
      yearly: one?.keep.yearly ?? 0,
    },
  })
  const { every, at, weekday, day, time_zone } = form.values
  const when: Timing = {
    every,
    at,
    time_zone,
    ...(every === 'week' ? { weekday } : {}),
    ...(every === 'month' ? { day: Number(day) } : {}),
  }
  const keep: Keep = Object.fromEntries(kept.map((field) => [field, Number(form.values[field])]))
  return (
    <DialogForm
      label={t.common.save}
      onCancel={onDone}
      hints={[
        one
          ? { method: 'PATCH', path: `/api/v1/backup-schedules/${one.id}`, body: { when, keep } }
          : { path: `/api/v1/instances/${instance.id}/backup-schedules`, body: { when, keep } },
      ]}
      onRefused={(error, text) => atField(form, error, text)}
      submit={async () => {
        if (one) await changeSchedule({ path: { id: one.id }, body: { when, keep } })
        else await createSchedule({ path: { id: instance.id }, body: { when, keep } })
        again()
        onDone()
      }}
    >
      <SimpleGrid cols={{ base: 1, xs: 2 }}>
        <Select
          label={words.every}
          allowDeselect={false}
          data={(['hour', 'day', 'week', 'month'] as const).map((value) => ({ value, label: words.everies[value] }))}
          {...form.getInputProps('every')}
        />
        <TextInput type="time" label={words.at} {...form.getInputProps('at')} />
        {every === 'week' && (
          <Select
            label={words.weekday}
            allowDeselect={false}
            data={(Object.keys(words.weekdays) as Weekday[]).map((value) => ({ value, label: words.weekdays[value] }))}
            {...form.getInputProps('weekday')}
          />
        )}
        {every === 'month' && <NumberInput label={words.dayOfMonth} min={1} max={31} {...form.getInputProps('day')} />}
        <Select
          label={words.zone}
          searchable
          allowDeselect={false}
          data={zones.includes(time_zone) ? zones : [time_zone, ...zones]}
          {...form.getInputProps('time_zone')}
        />
      </SimpleGrid>
      <div>
        <Text size="sm" fw={500} mb={4}>
          {words.keep}
        </Text>
        <SimpleGrid cols={{ base: 2, xs: 3 }}>
          {kept.map((field) => (
            <NumberInput key={field} label={keepName(t, field)} min={0} max={1000} {...form.getInputProps(field)} />
          ))}
        </SimpleGrid>
      </div>
    </DialogForm>
  )
}
