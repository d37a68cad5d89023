import { modals } from '@mantine/modals'
import { useQuery } from '@tanstack/react-query'
import { useCallback } from 'react'
import { queryClient, type Service } from '~/api'
import { useLeft } from '~/features/hosts/status'
import { useT } from '~/i18n'
import { type Refusal, RestartDialog } from './RestartDialog'

const HOUR_MS = 3_600_000
const keyOf = (id: string) => [{ _id: 'refusal', service: id }]

/** Restarting a service: the dialog, or why it cannot be done now. What was refused for a while stays refused so long. */
export function useRestart(service: Service) {
  const words = useT().services
  const { data: refusal } = useQuery<Refusal | null>({
    queryKey: keyOf(service.id),
    queryFn: () => null,
    initialData: null,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: HOUR_MS,
    enabled: false,
  })
  const left = useLeft(refusal?.until)
  const stands = refusal && left && left.seconds > 0 ? refusal : undefined
  const onHost = !!service.staff && 'host' in service.staff.at
  const barred = onHost ? words.noGuest : stands && words.refusedUntil(left?.text ?? '')
  const why = service.can.includes('restart') ? barred : words.mayNotRestart
  const run = useCallback(
    () =>
      modals.open({
        title: words.restartTitle(service.name),
        children: (
          <RestartDialog
            service={service}
            onRefused={(found) => queryClient.setQueryData(keyOf(service.id), found)}
            onDone={() => modals.closeAll()}
          />
        ),
      }),
    [words, service],
  )
  return { why, run, refusal: stands }
}
