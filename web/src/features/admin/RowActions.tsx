import { ActionIcon, Button, Menu } from '@mantine/core'
import { IconChevronDown, IconDots, type TablerIcon } from '@tabler/icons-react'
import { CanItem, type Why } from '~/components/Can'
import { useT } from '~/i18n'

/** Something that can be done, or the reason why it cannot. */
export type Deed = {
  id: string
  label: string
  icon: TablerIcon
  why?: Why
  danger?: boolean
  run: () => void
}

/** What can be done with a thing: in its row of a list, or by a button on its page. */
export function RowActions({ deeds, name, button }: { deeds: Deed[]; name: string; button?: boolean }) {
  const t = useT()
  return (
    <Menu position="bottom-end" width={260} keepMounted={false}>
      <Menu.Target>
        {button ? (
          <Button variant="default" rightSection={<IconChevronDown size={16} aria-hidden />}>
            {t.common.actions}
          </Button>
        ) : (
          <ActionIcon variant="subtle" color="gray" aria-label={t.common.actionsFor(name)}>
            <IconDots size={18} />
          </ActionIcon>
        )}
      </Menu.Target>
      <Menu.Dropdown>
        {deeds.map((one) => (
          <CanItem
            key={one.id}
            why={one.why}
            color={one.danger ? 'red' : undefined}
            onClick={one.run}
            leftSection={<one.icon size={16} aria-hidden />}
          >
            {one.label}
          </CanItem>
        ))}
      </Menu.Dropdown>
    </Menu>
  )
}
