import {
  ActionIcon,
  Card,
  Group,
  Stack,
  Text,
  Title,
  useComputedColorScheme,
  useMantineColorScheme,
} from '@mantine/core'
import { useDocumentTitle } from '@mantine/hooks'
import { IconLanguage, IconMoon, IconSun } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { Mark } from '~/components/Brand'
import { useI18n } from '~/i18n'
import classes from './Door.module.css'

/** A page in front of the house: for those who are not in yet. */
export function Door({
  title,
  sub,
  children,
  below,
}: {
  title: string
  sub?: ReactNode
  children?: ReactNode
  below?: ReactNode
}) {
  const { t, locale, setLocale } = useI18n()
  const { setColorScheme } = useMantineColorScheme()
  const scheme = useComputedColorScheme('dark')
  useDocumentTitle(`${title} · ${t.common.appName}`)
  return (
    <div className={classes.page}>
      <header className={classes.bar}>
        <ActionIcon
          variant="subtle"
          color="gray"
          size="lg"
          onClick={() => setLocale(locale === 'en' ? 'fr' : 'en')}
          aria-label={t.shell.switchLanguage}
          lang={locale === 'en' ? 'fr' : 'en'}
        >
          <IconLanguage size={18} />
        </ActionIcon>
        <ActionIcon
          variant="subtle"
          color="gray"
          size="lg"
          onClick={() => setColorScheme(scheme === 'dark' ? 'light' : 'dark')}
          aria-label={scheme === 'dark' ? t.shell.toLight : t.shell.toDark}
        >
          {scheme === 'dark' ? <IconSun size={18} /> : <IconMoon size={18} />}
        </ActionIcon>
      </header>
      <main className={classes.main}>
        <Stack gap="lg" w="100%" maw={420}>
          <Group gap={12} justify="center">
            <Mark size={40} />
            <Text fz={24} fw={650} style={{ letterSpacing: '-0.02em' }}>
              {t.common.appName}
            </Text>
          </Group>
          <Card padding="xl" className={classes.card}>
            <Title order={1} size="h3">
              {title}
            </Title>
            {sub && (
              <Text c="dimmed" size="sm" mt={4} component="div">
                {sub}
              </Text>
            )}
            <Stack mt="lg">{children}</Stack>
          </Card>
          {below && (
            <Text size="sm" c="dimmed" ta="center" component="div">
              {below}
            </Text>
          )}
        </Stack>
      </main>
    </div>
  )
}
