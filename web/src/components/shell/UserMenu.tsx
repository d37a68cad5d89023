import { Avatar, Box, Menu, Text, UnstyledButton, useMantineColorScheme } from '@mantine/core'
import {
  IconBook2,
  IconCheck,
  IconKeyboard,
  IconLanguage,
  IconLogout,
  IconMasksTheater,
  IconMoon,
  IconShieldLock,
  IconSun,
  IconSunMoon,
  IconUser,
} from '@tabler/icons-react'
import { signOut } from '~/api/gen/sdk.gen'
import { useLiveness } from '~/app/live'
import { LinkItem } from '~/components/links'
import { Badge } from '~/components/StatusBadge'
import { goAfresh } from '~/features/auth/hash'
import { useStopActing } from '~/features/auth/useStopActing'
import { useI18n } from '~/i18n'
import { useAct } from '~/lib/act'
import { useMe } from '~/lib/me'
import classes from './AppLayout.module.css'

export function UserMenu({ onHelp }: { onHelp: () => void }) {
  const { t, locale, setLocale } = useI18n()
  const { user, impersonation } = useMe()
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  const liveness = useLiveness()
  const leave = useAct(() => signOut(), {
    onDone: () => goAfresh('/sign-in'),
  })
  const stop = useStopActing()
  const initials = user.name
    .split(' ')
    .map((word) => word[0])
    .join('')
    .slice(0, 2)
    .toUpperCase()
  const said = { live: t.shell.live, polling: t.shell.polling, connecting: t.shell.connecting }[liveness]
  return (
    <Menu position="bottom-end" width={252}>
      <Menu.Target>
        <UnstyledButton aria-label={`${initials}, ${t.shell.userMenu}`} className={classes.user}>
          <Avatar size={30} radius="xl" color="indigo">
            {initials}
          </Avatar>
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Box px="sm" py={6}>
          <Text size="sm" fw={550} truncate>
            {user.name}
          </Text>
          <Text size="xs" c="dimmed" truncate>
            {user.email}
          </Text>
          <Box mt={6}>
            <Badge tone={liveness === 'live' ? 'good' : 'warn'} busy={liveness === 'connecting'} size="xs">
              {said}
            </Badge>
          </Box>
        </Box>
        <Menu.Divider />
        <LinkItem to="/account" leftSection={<IconUser size={16} aria-hidden />}>
          {t.shell.settings}
        </LinkItem>
        <LinkItem to="/account/security" leftSection={<IconShieldLock size={16} aria-hidden />}>
          {t.shell.security}
        </LinkItem>
        <Menu.Item component="a" href="/api/v1/docs" leftSection={<IconBook2 size={16} aria-hidden />}>
          API
        </Menu.Item>
        <Menu.Item leftSection={<IconKeyboard size={16} aria-hidden />} onClick={onHelp}>
          {t.shell.shortcuts}
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item
          leftSection={<IconLanguage size={16} aria-hidden />}
          lang={locale === 'en' ? 'fr' : 'en'}
          closeMenuOnClick={false}
          onClick={() => setLocale(locale === 'en' ? 'fr' : 'en')}
        >
          {t.shell.switchLanguage}
        </Menu.Item>
        {(
          [
            ['light', t.shell.toLight, IconSun],
            ['auto', t.shell.toSystem, IconSunMoon],
            ['dark', t.shell.toDark, IconMoon],
          ] as const
        ).map(([scheme, name, Icon]) => (
          <Menu.Item
            key={scheme}
            leftSection={<Icon size={16} aria-hidden />}
            rightSection={scheme === colorScheme ? <IconCheck size={15} aria-hidden /> : undefined}
            aria-current={scheme === colorScheme || undefined}
            closeMenuOnClick={false}
            onClick={() => setColorScheme(scheme)}
          >
            {name}
          </Menu.Item>
        ))}
        <Menu.Divider />
        {impersonation ? (
          <Menu.Item
            leftSection={<IconMasksTheater size={16} aria-hidden />}
            onClick={() => stop.mutate(impersonation.id)}
          >
            {t.shell.stopActingFor(user.name)}
          </Menu.Item>
        ) : (
          <Menu.Item leftSection={<IconLogout size={16} aria-hidden />} onClick={() => leave.mutate(undefined)}>
            {t.shell.signOut}
          </Menu.Item>
        )}
      </Menu.Dropdown>
    </Menu>
  )
}
