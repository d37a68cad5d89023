import { Alert, Button, Code, CopyButton, Group, Stack, Text } from '@mantine/core'
import { modals } from '@mantine/modals'
import { IconCheck, IconCopy, IconEyeOff } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { useT } from '~/i18n'

/** Something secret that is shown this once, to be copied or saved. */
export function SecretOnce({ secret, about }: { secret: string; about?: ReactNode }) {
  const t = useT()
  return (
    <Stack gap="sm">
      <Alert color="yellow" variant="light" icon={<IconEyeOff aria-hidden />} className="notice">
        {about ?? t.common.shownOnce}
      </Alert>
      <Code
        block
        fz="sm"
        p="md"
        style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}
        tabIndex={0}
        role="textbox"
        aria-readonly
        aria-label={t.common.secret}
      >
        {secret}
      </Code>
      <Copy text={secret} />
    </Stack>
  )
}

/** A button that copies, and says so. */
export function Copy({ text, label }: { text: string; label?: string }) {
  const t = useT()
  return (
    <CopyButton value={text} timeout={2000}>
      {({ copied, copy }) => (
        <Group gap="xs">
          <Button
            variant="default"
            size="xs"
            onClick={copy}
            leftSection={copied ? <IconCheck size={14} aria-hidden /> : <IconCopy size={14} aria-hidden />}
          >
            {copied ? t.common.copied : (label ?? t.common.copy)}
          </Button>
          <Text span size="xs" className="visually-hidden" role="status">
            {copied ? t.common.copied : ''}
          </Text>
        </Group>
      )}
    </CopyButton>
  )
}

/** Shows a secret over the page; it goes by a button, never by a click beside it. */
export function showSecret(asked: { title: string; secret: string; about?: ReactNode; close: string }) {
  modals.open({
    title: asked.title,
    closeOnClickOutside: false,
    closeOnEscape: false,
    withCloseButton: false,
    size: 'lg',
    children: (
      <Stack>
        <SecretOnce secret={asked.secret} about={asked.about} />
        <Group justify="flex-end">
          <Button onClick={() => modals.closeAll()}>{asked.close}</Button>
        </Group>
      </Stack>
    ),
  })
}
