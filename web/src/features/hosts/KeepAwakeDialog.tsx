import { SegmentedControl, Text, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useState } from 'react'
import type { Host } from '~/api'
import { keepHostAwake } from '~/api/gen/sdk.gen'
import { DialogForm } from '~/components/DialogForm'
import { useT } from '~/i18n'
import { staleHost } from './actions'

const HOUR_MS = 3_600_000
const hours = { '1h': 1, '2h': 2, '4h': 4, '8h': 8, '1d': 24 } as const
type Choice = keyof typeof hours | 'own'

/** For how long, or until when, a host is kept awake. */
export function KeepAwakeDialog({ host, onDone }: { host: Host; onDone: () => void }) {
  const t = useT()
  const words = t.hosts
  const [choice, setChoice] = useState<Choice>('2h')
  const [own, setOwn] = useState('')
  const [wrong, setWrong] = useState<string>()
  const until = () =>
    choice === 'own' ? own && new Date(own).toISOString() : new Date(Date.now() + hours[choice] * HOUR_MS).toISOString()
  const typed = choice === 'own' ? own && new Date(own).toISOString() : ''
  return (
    <DialogForm
      about={words.keepAbout}
      label={words.keep}
      onCancel={onDone}
      hints={[
        {
          cli: `innkeeper host keep-awake ${host.name} ${choice === 'own' ? `--until ${typed || 'WHEN'}` : `--for ${choice}`}`,
          method: 'PUT',
          path: `/api/v1/hosts/${host.id}/keep-awake`,
          body: { until: until() || 'WHEN' },
        },
      ]}
      onRefused={(_, text) => {
        if (choice === 'own') setWrong(text)
        return choice === 'own'
      }}
      submit={() => {
        const end = until()
        if (!end) {
          setWrong(t.common.required)
          return false
        }
        return keepHostAwake({ path: { id: host.id }, body: { until: end } }).then(() => {
          notifications.show({ color: 'teal', message: words.kept(host.name) })
          void staleHost()
          onDone()
        })
      }}
    >
      <div>
        <Text size="sm" fw={500} mb={4}>
          {words.keepFor}
        </Text>
        <SegmentedControl
          className="scrolls"
          aria-label={words.keepFor}
          value={choice}
          onChange={(next) => setChoice(next as Choice)}
          data={([...Object.keys(hours), 'own'] as Choice[]).map((value) => ({
            value,
            label: words.keepTimes[value],
          }))}
        />
      </div>
      {choice === 'own' && (
        <TextInput
          type="datetime-local"
          label={words.keepUntil}
          value={own}
          error={wrong}
          onChange={(event) => {
            setOwn(event.currentTarget.value)
            setWrong(undefined)
          }}
        />
      )}
    </DialogForm>
  )
}
