import { ActionIcon, Box, Group } from '@mantine/core'
import { IconTrash } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { useT } from '~/i18n'

/** A line of a list in a form, and the way to be rid of it. */
export function FormLine({ name, onRemove, children }: { name: string; onRemove: () => void; children: ReactNode }) {
  const t = useT()
  return (
    <Group align="flex-start" wrap="nowrap" gap="xs" py="xs" className="line">
      <Box flex={1} miw={0}>
        {children}
      </Box>
      <ActionIcon
        mt={26}
        variant="subtle"
        color="gray"
        size="lg"
        onClick={onRemove}
        aria-label={`${t.common.remove}: ${name}`}
      >
        <IconTrash size={17} />
      </ActionIcon>
    </Group>
  )
}
