import { Box, Text } from '@mantine/core'
import type { InstanceState, LeaseState, OperationState, PaymentState } from '~/api'
import { useT } from '~/i18n'

export const tones = {
  good: 'light-dark(#138a4e, #3ecf8e)',
  quiet: 'light-dark(#6b7280, #8d96a8)',
  busy: 'light-dark(#2563eb, #6ea8fe)',
  warn: 'light-dark(#b45309, #f6b73c)',
  bad: 'light-dark(#d92d20, #ff6b61)',
  odd: 'light-dark(#7c3aed, #b18cff)',
} as const
export type Tone = keyof typeof tones

/** A dot and a word: never colour alone. */
export function Badge({
  tone,
  busy,
  children,
  size = 'sm',
}: {
  tone: Tone
  busy?: boolean
  children: string
  size?: 'xs' | 'sm'
}) {
  return (
    <Box component="span" style={{ display: 'inline-flex', alignItems: 'center', gap: 8, whiteSpace: 'nowrap' }}>
      <Box
        component="span"
        className="dot"
        data-busy={busy || undefined}
        w={8}
        h={8}
        style={{
          borderRadius: 99,
          flex: 'none',
          background: tones[tone],
          boxShadow: `0 0 0 3px color-mix(in srgb, ${tones[tone]} 22%, transparent)`,
        }}
      />
      <Text component="span" size={size}>
        {children}
      </Text>
    </Box>
  )
}

const instances: Record<InstanceState, Tone> = {
  running: 'good',
  stopped: 'quiet',
  paused: 'odd',
  provisioning: 'busy',
  starting: 'busy',
  rebooting: 'busy',
  resizing: 'busy',
  rebuilding: 'busy',
  restoring: 'busy',
  migrating: 'odd',
  stopping: 'warn',
  pausing: 'warn',
  deleting: 'warn',
  deleted: 'quiet',
  failed: 'bad',
  missing: 'bad',
  unknown: 'warn',
}
const passing: InstanceState[] = [
  'provisioning',
  'starting',
  'stopping',
  'rebooting',
  'resizing',
  'pausing',
  'rebuilding',
  'restoring',
  'migrating',
  'deleting',
]
export const isPassing = (state: InstanceState) => passing.includes(state)

export function InstanceStatus({ state, trashed }: { state: InstanceState; trashed?: boolean }) {
  const t = useT()
  if (trashed && !isPassing(state)) return <Badge tone="warn">{t.instances.trashed}</Badge>
  return (
    <Badge tone={instances[state]} busy={isPassing(state)}>
      {t.instances.states[state]}
    </Badge>
  )
}

const operations: Record<OperationState, Tone> = {
  pending: 'busy',
  running: 'busy',
  undoing: 'warn',
  succeeded: 'good',
  failed: 'bad',
  superseded: 'quiet',
}
export function OperationStatus({ state }: { state: OperationState }) {
  const t = useT()
  const busy = state === 'pending' || state === 'running' || state === 'undoing'
  return (
    <Badge tone={operations[state]} busy={busy}>
      {t.operations.states[state]}
    </Badge>
  )
}

const leases: Record<LeaseState, Tone> = {
  making: 'busy',
  active: 'good',
  expired: 'warn',
  ending: 'warn',
  ended: 'quiet',
  failed: 'bad',
}
export function LeaseStatus({ state }: { state: LeaseState }) {
  const t = useT()
  return (
    <Badge tone={leases[state]} busy={state === 'making' || state === 'ending'}>
      {t.leases.states[state]}
    </Badge>
  )
}

const payments: Record<PaymentState, Tone> = {
  open: 'quiet',
  pending: 'busy',
  paid: 'good',
  failed: 'bad',
  expired: 'quiet',
  disputed: 'bad',
}
export function PaymentStatus({ state }: { state: PaymentState }) {
  const t = useT()
  return (
    <Badge tone={payments[state]} busy={state === 'pending'}>
      {t.credits.paymentStates[state]}
    </Badge>
  )
}
