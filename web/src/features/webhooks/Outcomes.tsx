import { Box, Text } from '@mantine/core'
import type { Delivery } from '~/api'
import { tones } from '~/components/StatusBadge'
import { useT } from '~/i18n'
import classes from './Outcomes.module.css'
import { deliveryTones } from './status'

/** As many as are shown; the picture is as wide whatever there is. */
const MOST = 50

/** The newest deliveries as bars, the newest on the right: green, red or waiting, and as high as they took long. */
export function Outcomes({ deliveries }: { deliveries: Delivery[] }) {
  const t = useT()
  const shown = deliveries.slice(0, MOST).reverse()
  const count = (state: Delivery['state']) => shown.filter((one) => one.state === state).length
  const told = t.webhooks.counted(count('delivered'), count('failed'), count('pending'))
  if (!shown.length)
    return (
      <Text size="sm" c="dimmed">
        {t.webhooks.outcomesNone}
      </Text>
    )
  const took = (one: Delivery) => one.tries.at(-1)?.milliseconds ?? 0
  const most = Math.max(...shown.map(took), 1)
  return (
    <>
      <Box role="img" aria-label={told} className={classes.bars}>
        {shown.map((one) => (
          <Box
            key={one.id}
            className={classes.bar}
            data-state={one.state}
            style={{
              // By the logarithm: a second beside ten milliseconds is higher, not everything.
              height: `${25 + (75 * Math.log1p(took(one))) / Math.log1p(most)}%`,
              background: tones[deliveryTones[one.state]],
            }}
          />
        ))}
      </Box>
      <Text size="sm" mt="xs" className="tnum">
        {told}
      </Text>
    </>
  )
}
