import { ActionIcon, Anchor, Button, Card, Menu, NavLink } from '@mantine/core'
import { createLink } from '@tanstack/react-router'

/** Mantine's looks with the router's types: `to`, `params` and `search` are checked against the pages there are. */
export const LinkAnchor = createLink(Anchor<'a'>)
export const LinkButton = createLink(Button<'a'>)
export const LinkIcon = createLink(ActionIcon<'a'>)
export const LinkNav = createLink(NavLink<'a'>)
export const LinkItem = createLink(Menu.Item<'a'>)
export const LinkCard = createLink(Card<'a'>)
