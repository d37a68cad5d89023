import { Anchor, type AnchorProps, Button, type ButtonProps, Menu, type MenuItemProps, NavLink } from '@mantine/core'
import { IconChevronLeft } from '@tabler/icons-react'
import { createLink } from '@tanstack/react-router'
import type { AnchorHTMLAttributes, Ref } from 'react'

type Rest = Omit<AnchorHTMLAttributes<HTMLAnchorElement>, 'color' | 'style'> & { ref?: Ref<HTMLAnchorElement> }

// Mantine's looks with the router's types: `to`, `params` and `search` are checked against the pages there are. What looks
// like a button is a link all the same: it can be opened elsewhere, and is read out as one.
const ButtonAnchor = (props: ButtonProps & Rest) => <Button component="a" {...props} />
const BackAnchor = ({ children, ...rest }: AnchorProps & Rest) => (
  <Anchor
    size="sm"
    c="dimmed"
    underline="hover"
    display="inline-flex"
    style={{ alignItems: 'center', gap: 2 }}
    {...rest}
  >
    <IconChevronLeft size={15} aria-hidden /> {children}
  </Anchor>
)
const ItemAnchor = (props: MenuItemProps & Rest) => <Menu.Item component="a" {...props} />

export const LinkAnchor = createLink(Anchor<'a'>)
export const LinkBack = createLink(BackAnchor)
export const LinkButton = createLink(ButtonAnchor)
export const LinkNav = createLink(NavLink<'a'>)
export const LinkItem = createLink(ItemAnchor)
