import { ActionIcon, Button, Menu } from '@mantine/core'
import { IconChevronDown, IconDots } from '@tabler/icons-react'
import { Fragment, useRef, useState } from 'react'
import type { Instance } from '~/api'
import { CanItem } from '~/components/Can'
import { useT } from '~/i18n'
import { type Doable, useInstanceActions } from './actions'

const groups: Doable['group'][] = ['power', 'keep', 'change', 'access', 'end']

function Items({ instance, leave = [] }: { instance: Instance; leave?: string[] }) {
  const actions = useInstanceActions(instance).filter((one) => !leave.includes(one.id))
  return groups
    .map((group) => actions.filter((one) => one.group === group))
    .filter((some) => some.length > 0)
    .map((some, n) => (
      <Fragment key={some[0]?.id}>
        {n > 0 && <Menu.Divider />}
        {some.map((one) => (
          <CanItem
            key={one.id}
            why={one.why}
            onClick={one.run}
            color={one.danger ? 'red' : undefined}
            leftSection={<one.icon size={16} aria-hidden />}
          >
            {one.label}
          </CanItem>
        ))}
      </Fragment>
    ))
}

/**
 * Everything that can be done with an instance, in its row of a list. The menu is made when it is opened for the first
 * time: thousands of rows come and go, and few of their menus are ever looked at.
 */
export function RowMenu({ instance }: { instance: Instance }) {
  const t = useT()
  const button = useRef<HTMLButtonElement>(null)
  const [made, setMade] = useState(false)
  const target = (
    <ActionIcon
      ref={button}
      variant="subtle"
      color="gray"
      aria-label={t.common.actionsFor(instance.name)}
      aria-haspopup="menu"
      onClick={() => setMade(true)}
    >
      <IconDots size={18} />
    </ActionIcon>
  )
  if (!made) return target
  return (
    <Menu
      defaultOpened
      position="bottom-end"
      width={260}
      keepMounted={false}
      onClose={() => button.current?.focus({ preventScroll: true })}
    >
      <Menu.Target>{target}</Menu.Target>
      <Menu.Dropdown mah={440} style={{ overflowY: 'auto' }}>
        <Items instance={instance} />
      </Menu.Dropdown>
    </Menu>
  )
}

/** The same on its page, without what has a button there. */
export function MoreMenu({ instance, leave }: { instance: Instance; leave: string[] }) {
  const t = useT()
  return (
    <Menu position="bottom-end" width={280} keepMounted={false}>
      <Menu.Target>
        <Button variant="default" rightSection={<IconChevronDown size={16} aria-hidden />}>
          {t.common.actions}
        </Button>
      </Menu.Target>
      <Menu.Dropdown mah={480} style={{ overflowY: 'auto' }}>
        <Items instance={instance} leave={leave} />
      </Menu.Dropdown>
    </Menu>
  )
}
