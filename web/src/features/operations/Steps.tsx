import { Alert, Group, Loader, Stack, Text, Timeline } from '@mantine/core'
import { IconAlertTriangle, IconCheck, IconX } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { getOperationOptions, type Operation } from '~/api'
import { useT } from '~/i18n'
import { useFormat } from '~/lib/format'

/** What an operation did, step by step, as it does it. */
export function Steps({ operation }: { operation: Operation }) {
  const t = useT()
  const f = useFormat()
  const { steps, error } = operation
  return (
    <Stack gap="sm">
      {steps.length === 0 && !operation.ended_at && (
        <Group gap="xs">
          <Loader size={14} aria-hidden />
          <Text size="sm" c="dimmed">
            {t.operations.waiting}
          </Text>
        </Group>
      )}
      {steps.length > 0 && (
        <Timeline bulletSize={22} lineWidth={2} active={steps.length}>
          {steps.map((step) => {
            const seconds = step.ended_at ? (Date.parse(step.ended_at) - Date.parse(step.started_at)) / 1000 : undefined
            const bad = step.state === 'failed'
            return (
              <Timeline.Item
                key={step.seq}
                color={bad ? 'red' : step.state === 'done' ? 'teal' : 'indigo'}
                bullet={
                  step.state === 'running' ? (
                    <Loader size={12} color="white" aria-hidden />
                  ) : bad || step.state === 'cancelled' ? (
                    <IconX size={13} aria-hidden />
                  ) : (
                    <IconCheck size={13} aria-hidden />
                  )
                }
                title={
                  <Text size="sm" fw={500} span>
                    {t.operations.acts[step.act]}
                    {seconds !== undefined && (
                      <Text span size="xs" c="dimmed" ml={8} className="tnum">
                        {f.num(seconds)} s
                      </Text>
                    )}
                  </Text>
                }
              >
                {step.detail && (
                  <Text size="xs" c={bad ? 'red' : 'dimmed'}>
                    {step.detail}
                  </Text>
                )}
              </Timeline.Item>
            )
          })}
        </Timeline>
      )}
      {error && (
        <Alert color="red" icon={<IconAlertTriangle aria-hidden />}>
          {error.message}
        </Alert>
      )}
    </Stack>
  )
}

/** The steps of an operation that only its id is known of; live. */
export function StepsOf({ id }: { id: string }) {
  const { data } = useQuery({
    ...getOperationOptions({ path: { id } }),
    refetchInterval: (query) => (query.state.data?.ended_at ? false : 5000),
  })
  return data ? <Steps operation={data} /> : <Loader size="sm" aria-hidden />
}
