import { Avatar, Menu, Text, UnstyledButton } from '@mantine/core'
import { IconCheck, IconFolders, IconSelector } from '@tabler/icons-react'
import type { Project } from '~/api'
import { LinkItem } from '~/components/links'
import { useT } from '~/i18n'
import { useHere } from '~/lib/me'
import classes from './AppLayout.module.css'

const letters = (name: string) =>
  name
    .replace(/[^\p{L}\p{N} ]/gu, '')
    .split(' ')
    .map((word) => word[0] ?? '')
    .join('')
    .slice(0, 2)
    .toUpperCase()

function Face({ project }: { project: Project }) {
  return (
    <Avatar size={26} radius="md" color={project.personal_of ? 'indigo' : 'teal'} aria-hidden>
      {letters(project.name)}
    </Avatar>
  )
}

/** Whose rooms are shown. */
export function ProjectSwitch() {
  const t = useT()
  const { project, projects, choose } = useHere()
  return (
    <Menu position="bottom-start" width={228}>
      <Menu.Target>
        <UnstyledButton className={classes.switch}>
          {project && <Face project={project} />}
          <span style={{ flex: 1, minWidth: 0 }}>
            <Text size="xs" c="dimmed" lh={1.2}>
              {t.shell.project}
            </Text>
            <Text size="sm" fw={550} truncate lh={1.3}>
              {project?.name ?? '…'}
            </Text>
          </span>
          <IconSelector size={16} aria-hidden />
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        {projects.map((one) => (
          <Menu.Item
            key={one.id}
            onClick={() => choose(one.id)}
            leftSection={<Face project={one} />}
            rightSection={one.id === project?.id ? <IconCheck size={16} aria-hidden /> : undefined}
            aria-current={one.id === project?.id || undefined}
          >
            <Text size="sm" truncate>
              {one.name}
            </Text>
            {one.personal_of && (
              <Text size="xs" c="dimmed">
                {t.shell.personal}
              </Text>
            )}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <LinkItem to="/projects" leftSection={<IconFolders size={16} aria-hidden />}>
          {t.shell.projects}
        </LinkItem>
      </Menu.Dropdown>
    </Menu>
  )
}
