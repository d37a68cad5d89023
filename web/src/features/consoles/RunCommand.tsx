import {
  Alert,
  Button,
  Card,
  Code,
  Collapse,
  Group,
  NumberInput,
  Select,
  Stack,
  Text,
  Textarea,
  TextInput,
} from '@mantine/core'
import { useForm } from '@mantine/form'
import { useDisclosure } from '@mantine/hooks'
import { IconPlayerPlay, IconTerminal } from '@tabler/icons-react'
import { type FormEvent, useState } from 'react'
import type { Answer, CommandAsked, CommandBy } from '~/api'
import { CanButton } from '~/components/Can'
import { CommandHints, type Hint } from '~/components/CommandHints'
import { Badge } from '~/components/StatusBadge'
import { Nothing } from '~/components/states'
import { useT } from '~/i18n'
import { useFormat } from '~/lib/format'
import { useProblemText } from '~/lib/problems'

type Ran = { id: number; script: string; answer?: Answer; error?: string }

/** Runs commands and shows what they said, the last first. */
export function RunCommand({
  run,
  why,
  ways,
  hint,
}: {
  run: (asked: CommandAsked) => Promise<{ data: Answer }>
  why: string | undefined
  ways?: CommandBy[]
  hint: (asked: CommandAsked) => Hint
}) {
  const t = useT()
  const text = useProblemText()
  const words = t.instances.commands
  const [ran, setRan] = useState<Ran[]>([])
  const [busy, setBusy] = useState(false)
  const [more, { toggle }] = useDisclosure()
  const form = useForm({
    initialValues: { script: '', user: '', by: null as CommandBy | null, timeout: 60 as number | string, input: '' },
  })
  const { script, user, by, timeout, input } = form.values
  const asked: CommandAsked = {
    command: { script },
    ...(user ? { user } : {}),
    ...(by ? { by } : {}),
    ...(typeof timeout === 'number' ? { timeout_seconds: timeout } : {}),
    ...(input ? { input } : {}),
  }
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (!script.trim()) return
    setBusy(true)
    const id = Date.now()
    try {
      const { data } = await run(asked)
      setRan((before) => [{ id, script, answer: data }, ...before])
    } catch (error) {
      setRan((before) => [{ id, script, error: text(error) }, ...before])
    } finally {
      setBusy(false)
    }
  }
  return (
    <Stack>
      <Card>
        <form onSubmit={submit}>
          <Stack gap="sm">
            <Textarea
              label={words.command}
              description={words.commandHint}
              autosize
              minRows={2}
              maxRows={12}
              className="mono"
              placeholder="uname -a"
              spellCheck={false}
              {...form.getInputProps('script')}
            />
            <Collapse expanded={more}>
              <Stack gap="sm">
                <Group grow align="flex-start">
                  <TextInput
                    label={words.user}
                    placeholder="root"
                    autoCapitalize="none"
                    {...form.getInputProps('user')}
                  />
                  <NumberInput label={words.timeout} min={1} max={600} {...form.getInputProps('timeout')} />
                  {ways && (
                    <Select
                      label={words.way}
                      placeholder={words.anyWay}
                      clearable
                      data={ways.map((one) => ({ value: one, label: words.ways[one] }))}
                      {...form.getInputProps('by')}
                    />
                  )}
                </Group>
                <Textarea
                  label={words.input}
                  autosize
                  minRows={1}
                  maxRows={8}
                  className="mono"
                  {...form.getInputProps('input')}
                />
              </Stack>
            </Collapse>
            <Group justify="space-between">
              <Button variant="subtle" color="gray" size="xs" onClick={toggle} aria-expanded={more}>
                {t.common.options}
              </Button>
              <CanButton type="submit" why={why} loading={busy} leftSection={<IconPlayerPlay size={16} aria-hidden />}>
                {words.run}
              </CanButton>
            </Group>
            <CommandHints hints={[hint(asked)]} />
          </Stack>
        </form>
      </Card>
      <div role="log" aria-live="polite" aria-label={words.output}>
        <Stack>
          {ran.map((one) => (
            <Result key={one.id} ran={one} />
          ))}
        </Stack>
      </div>
      {ran.length === 0 && (
        <Card padding={0}>
          <Nothing icon={IconTerminal} title={words.none}>
            {words.noneHint}
          </Nothing>
        </Card>
      )}
    </Stack>
  )
}

function Result({ ran: { script, answer, error } }: { ran: Ran }) {
  const t = useT()
  const f = useFormat()
  const words = t.instances.commands
  const good = answer?.exit_code === 0
  return (
    <Card padding="md">
      <Group justify="space-between" mb="xs" wrap="nowrap">
        <Code style={{ overflow: 'hidden', textOverflow: 'ellipsis', whiteSpace: 'nowrap' }}>{script}</Code>
        {answer && (
          <Group gap="sm" wrap="nowrap">
            <Badge tone={good ? 'good' : 'bad'}>{words.exit(answer.exit_code ?? answer.signal ?? '–')}</Badge>
            <Text size="xs" c="dimmed" className="tnum" visibleFrom="sm">
              {words.took(f.whole(answer.duration_ms))} · {words.ways[answer.by]}
            </Text>
          </Group>
        )}
      </Group>
      {error && <Alert color="red">{error}</Alert>}
      {answer?.timed_out && (
        <Alert color="yellow" className="notice" mb="xs">
          {words.timedOut}
        </Alert>
      )}
      {answer?.stdout && (
        <Code block mah={420} tabIndex={0} aria-label={words.output}>
          {answer.stdout}
        </Code>
      )}
      {answer?.stderr && (
        <Code block mah={240} mt="xs" tabIndex={0} aria-label={words.errors} color="light-dark(#fff0ee, #2a1512)">
          {answer.stderr}
        </Code>
      )}
      {answer && !answer.stdout && !answer.stderr && (
        <Text size="sm" c="dimmed">
          {words.nothing}
        </Text>
      )}
      {(answer?.stdout_truncated || answer?.stderr_truncated) && (
        <Text size="xs" c="dimmed" mt={4}>
          {words.truncated}
        </Text>
      )}
    </Card>
  )
}
