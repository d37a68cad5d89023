import type { Delivery, Webhook } from '~/api'
import { Badge, type Tone } from '~/components/StatusBadge'
import { useT } from '~/i18n'

/** On, failing or off: in one word. */
export const stateOf = (webhook: Webhook) => (!webhook.enabled ? 'off' : webhook.failing_since ? 'failing' : 'on')

const tones = { on: 'good', failing: 'warn', off: 'quiet' } as const

export function WebhookStatus({ webhook }: { webhook: Webhook }) {
  const t = useT()
  const state = stateOf(webhook)
  const tone = state === 'off' && webhook.off_reason !== 'asked' ? 'bad' : tones[state]
  return <Badge tone={tone}>{t.webhooks.states[state]}</Badge>
}

export const deliveryTones: Record<Delivery['state'], Tone> = { pending: 'busy', delivered: 'good', failed: 'bad' }

export function DeliveryStatus({ state }: { state: Delivery['state'] }) {
  const t = useT()
  return (
    <Badge tone={deliveryTones[state]} busy={state === 'pending'}>
      {t.webhooks.deliveryStates[state]}
    </Badge>
  )
}

/** What came of the last try: the status of the answer, or why there was none. */
export function useLast() {
  const t = useT()
  return (delivery: Delivery) => {
    const last = delivery.tries.at(-1)
    if (!last) return t.webhooks.notTried
    const fault = last.fault ? t.webhooks.faults[last.fault] : undefined
    return [last.status, fault].filter(Boolean).join(' · ')
  }
}

/** What it is told of, in words. */
export function useSubjects() {
  const t = useT()
  return (webhook: Webhook) =>
    webhook.subjects.map((one) => t.webhooks.subjectNames[one] ?? one).join(', ') || t.webhooks.everything
}

/** The host of an address; the rest may be secret, and is long. */
export const hostOf = (url: string) => (URL.canParse(url) ? new URL(url).host : url)
