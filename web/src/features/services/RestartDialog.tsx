import { Alert, Text } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { IconClockPause } from '@tabler/icons-react'
import { useState } from 'react'
import { isProblem, refetch, type Service } from '~/api'
import { restartService } from '~/api/gen/sdk.gen'
import { DialogForm } from '~/components/DialogForm'
import { useLeft } from '~/features/hosts/status'
import { useT } from '~/i18n'
import { useFormat } from '~/lib/format'
import { serviceHints } from './hints'

/** That a restart was refused for a while, and until when. */
export type Refusal = { code: string; until: string }

export function refusalOf(error: unknown): Refusal | undefined {
  const until = isProblem(error) ? error.until : undefined
  return isProblem(error) && until ? { code: error.code, until } : undefined
}

/** Why it was refused, until when exactly, and how long that still is. */
export function Refused({ refusal }: { refusal: Refusal }) {
  const words = useT().services
  const f = useFormat()
  const left = useLeft(refusal.until)
  const said = (words.refusals as Record<string, string>)[refusal.code] ?? words.refusedUntil(left?.text ?? '')
  return (
    <Alert color="yellow" className="notice" role="alert" icon={<IconClockPause aria-hidden />}>
      <Text size="sm">{said}</Text>
      <Text size="sm" fw={600} className="tnum">
        {f.exact(refusal.until)}
        {left && left.seconds > 0 && ` · ${left.text}`}
      </Text>
    </Alert>
  )
}

/** Asks before a service is restarted. */
export function RestartDialog({
  service,
  onRefused,
  onDone,
}: {
  service: Service
  onRefused: (refusal: Refusal) => void
  onDone: () => void
}) {
  const words = useT().services
  const [refusal, setRefusal] = useState<Refusal>()
  return (
    <DialogForm
      about={
        <>
          {words.restartBody(service.warn_seconds)} {words.wakeReady(service.ready_seconds)}
          <br />
          {words.restartRule}
        </>
      }
      label={words.restart}
      danger
      hints={[serviceHints(service).restart]}
      onCancel={onDone}
      onRefused={(error) => {
        const found = refusalOf(error)
        setRefusal(found)
        if (found) onRefused(found)
        return !!found
      }}
      submit={() =>
        restartService({ path: { id: service.id } }).then(() => {
          notifications.show({ color: 'teal', message: words.restarting(service.name) })
          void refetch('listRestarts', 'getService')
          onDone()
        })
      }
    >
      {refusal && <Refused refusal={refusal} />}
    </DialogForm>
  )
}
