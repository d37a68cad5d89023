import { Button, type ButtonProps, Menu, type MenuItemProps, Text, Tooltip } from '@mantine/core'
import type { ReactNode } from 'react'

/** Why something cannot be done now; nothing when it can. */
export type Why = string | undefined | false | null

/** A button that says why it cannot be used, rather than being gone. It can still be reached by keyboard and finger. */
export function CanButton({
  why,
  onClick,
  children,
  ...rest
}: { why?: Why; onClick?: () => void; children: ReactNode; type?: 'button' | 'submit' } & ButtonProps) {
  if (!why)
    return (
      <Button onClick={onClick} {...rest}>
        {children}
      </Button>
    )
  return (
    <Tooltip label={why} multiline maw={280} events={{ hover: true, focus: true, touch: true }}>
      <Button {...rest} type="button" data-disabled aria-disabled onClick={(event) => event.preventDefault()}>
        {children}
      </Button>
    </Tooltip>
  )
}

/** The same as an entry of a menu: the reason stands below its name. */
export function CanItem({
  why,
  children,
  onClick,
  ...rest
}: { why?: Why; onClick?: () => void; children: ReactNode } & MenuItemProps) {
  return (
    <Menu.Item
      {...rest}
      {...(why
        ? { 'data-disabled': true, 'aria-disabled': true, closeMenuOnClick: false, color: undefined }
        : { onClick })}
    >
      {children}
      {why && (
        <Text size="xs" c="dimmed" maw={230} style={{ whiteSpace: 'normal' }}>
          {why}
        </Text>
      )}
    </Menu.Item>
  )
}
