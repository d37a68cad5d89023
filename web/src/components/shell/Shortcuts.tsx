import { Group, Kbd, Modal, Stack, Text } from '@mantine/core'
import { useT } from '~/i18n'
import { useNav } from './nav'

/** Which keys do what. */
export default function Shortcuts({ onClose }: { onClose: () => void }) {
  const t = useT()
  const keys: [string[], string][] = [
    [['Ctrl', 'K'], t.shell.keyPalette],
    [['c'], t.shell.keyCreate],
    ...useNav()
      .flatMap((group) => group.items)
      .filter((item) => item.key)
      .map((item): [string[], string] => [['g', item.key ?? ''], t.shell.keyGo(item.label)]),
    [['?'], t.shell.keyHelp],
  ]
  return (
    <Modal opened onClose={onClose} title={t.shell.shortcuts}>
      <Stack gap="xs">
        {keys.map(([pressed, what]) => (
          <Group key={what} justify="space-between">
            <Text size="sm">{what}</Text>
            <Group gap={4}>
              {pressed.map((key) => (
                <Kbd key={key}>{key}</Kbd>
              ))}
            </Group>
          </Group>
        ))}
      </Stack>
    </Modal>
  )
}
