import {
  ActionIcon,
  Box,
  Collapse,
  CopyButton,
  ScrollArea,
  SegmentedControl,
  Text,
  Tooltip,
  UnstyledButton,
} from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconCheck, IconChevronRight, IconCopy, IconTerminal2 } from '@tabler/icons-react'
import { useState } from 'react'
import { useT } from '~/i18n'
import { shellWord } from '~/lib/words'
import classes from './CommandHints.module.css'

export type Hint = { cli?: string; method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'; path: string; body?: unknown }

/** What to type for the same thing in a shell: the house's own program, and plain HTTP. */
export function CommandHints({ hints, open = false }: { hints: Hint[]; open?: boolean }) {
  const t = useT()
  const [opened, { toggle }] = useDisclosure(open)
  const [by, setBy] = useState('innkeeper')
  const text = hints.map((hint) => (by === 'innkeeper' && hint.cli ? hint.cli : curl(hint))).join('\n')
  return (
    <Box className={classes.box}>
      <UnstyledButton onClick={toggle} aria-expanded={opened} className={classes.toggle}>
        <IconTerminal2 size={16} aria-hidden />
        <Text size="sm" span flex={1}>
          {t.common.commands}
        </Text>
        <IconChevronRight size={16} aria-hidden className={classes.arrow} data-open={opened || undefined} />
      </UnstyledButton>
      <Collapse expanded={opened}>
        <Box p="sm" pt={0}>
          <SegmentedControl
            size="xs"
            value={by}
            onChange={setBy}
            data={['innkeeper', 'curl']}
            aria-label={t.common.commands}
            mb="xs"
          />
          <Box pos="relative">
            <ScrollArea.Autosize
              mah={280}
              className={classes.code}
              viewportProps={{ tabIndex: 0, role: 'region', 'aria-label': t.common.commands }}
            >
              <pre className={classes.text}>{text}</pre>
            </ScrollArea.Autosize>
            <CopyButton value={text}>
              {({ copied, copy }) => (
                <Tooltip label={copied ? t.common.copied : t.common.copy}>
                  <ActionIcon
                    className={classes.copy}
                    variant="default"
                    size="sm"
                    onClick={copy}
                    aria-label={t.common.copy}
                  >
                    {copied ? <IconCheck size={14} /> : <IconCopy size={14} />}
                  </ActionIcon>
                </Tooltip>
              )}
            </CopyButton>
          </Box>
        </Box>
      </Collapse>
    </Box>
  )
}

function curl({ method = 'POST', path, body }: Hint) {
  const parts = [
    `curl -sX ${method} ${shellWord(location.origin + path)}`,
    '-H "authorization: Bearer $INNKEEPER_TOKEN"',
  ]
  if (body !== undefined) parts.push("-H 'content-type: application/json'", `-d ${shellWord(JSON.stringify(body))}`)
  return parts.join(' \\\n     ')
}
