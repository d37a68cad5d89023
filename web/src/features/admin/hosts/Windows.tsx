import { ActionIcon, Button, Chip, Group, Stack, Text, TextInput } from '@mantine/core'
import { IconPlus, IconTrash } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import type { HostWindow, Weekday } from '~/api'
import { useT } from '~/i18n'

const week: Weekday[] = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday']
const here = Intl.DateTimeFormat().resolvedOptions().timeZone

/** The hours of the week at which a host is to be awake. */
export function Windows({
  list,
  onChange,
  error,
}: {
  list: HostWindow[]
  onChange: (list: HostWindow[]) => void
  error?: ReactNode
}) {
  const words = useT().admin.hosts
  const set = (n: number, changed: Partial<HostWindow>) =>
    onChange(list.map((one, other) => (other === n ? { ...one, ...changed } : one)))
  return (
    <Stack>
      {list.map((one, n) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: they have no other name than their place
        <div key={n} className="line" style={{ padding: '4px 0' }}>
          <Chip.Group
            multiple
            value={one.days}
            onChange={(days) => set(n, { days: week.filter((day) => days.includes(day)) })}
          >
            <Group gap={6} mb="sm" role="group" aria-label={words.windowDays(n + 1)}>
              {week.map((day) => (
                <Chip key={day} value={day} size="xs">
                  {words.days[day]}
                </Chip>
              ))}
            </Group>
          </Chip.Group>
          <Group align="flex-end" gap="xs">
            <TextInput
              type="time"
              label={words.from}
              value={one.from}
              onChange={(event) => set(n, { from: event.currentTarget.value })}
            />
            <TextInput
              type="time"
              label={words.to}
              value={one.to}
              onChange={(event) => set(n, { to: event.currentTarget.value })}
            />
            <TextInput
              flex="1 1 160px"
              label={words.zone}
              value={one.time_zone}
              onChange={(event) => set(n, { time_zone: event.currentTarget.value })}
            />
            <ActionIcon
              size={36}
              variant="subtle"
              color="gray"
              aria-label={words.windowDrop(n + 1)}
              onClick={() => onChange(list.filter((_, other) => other !== n))}
            >
              <IconTrash size={16} />
            </ActionIcon>
          </Group>
        </div>
      ))}
      {error && (
        <Text size="xs" c="var(--mantine-color-error)" role="alert">
          {error}
        </Text>
      )}
      <Button
        variant="default"
        size="xs"
        w="fit-content"
        leftSection={<IconPlus size={14} aria-hidden />}
        onClick={() =>
          onChange([...list, { days: ['friday', 'saturday'], from: '18:00', to: '23:00', time_zone: here || 'UTC' }])
        }
      >
        {words.windowAdd}
      </Button>
    </Stack>
  )
}
