import { Divider, Group, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { Instance, Rate, Size } from '~/api'
import { resizeInstance } from '~/api/gen/sdk.gen'
import { DialogForm } from '~/components/DialogForm'
import { useT } from '~/i18n'
import { useFormat } from '~/lib/format'
import { settle } from '../actions'
import { allPlans, allTemplates } from '../queries'
import { SizeText } from '../SizeText'
import { type Chosen, SizeField, useEstimate } from '../sizes'

export function ResizeDialog({ instance, onDone }: { instance: Instance; onDone: () => void }) {
  const t = useT()
  const { data: plans } = useQuery(allPlans())
  const { data: templates } = useQuery(allTemplates())
  const template = templates?.find((one) => one.id === instance.template_id)
  const [chosen, setChosen] = useState<Chosen>({ size: instance.size })
  const { data: estimate } = useEstimate(chosen)
  const next = 'size' in chosen ? chosen.size : plans?.find((one) => one.id === chosen.plan_id)?.size
  const same = 'size' in chosen && JSON.stringify(chosen.size) === JSON.stringify(instance.size)
  const cli =
    'size' in chosen
      ? `--cores ${chosen.size.cores} --memory-mib ${chosen.size.memory_mib} --disk-gib ${chosen.size.disk_gib}`
      : `--plan ${chosen.plan_id}`
  return (
    <DialogForm
      about={t.instances.resizeBody}
      label={t.instances.do.resize}
      disabled={same}
      onCancel={onDone}
      hints={[
        {
          cli: `innkeeper instance resize ${instance.name} ${cli}`,
          path: `/api/v1/instances/${instance.id}/resize`,
          body: chosen,
        },
      ]}
      submit={async () => {
        const { data } = await resizeInstance({ path: { id: instance.id }, body: chosen })
        settle(data, instance.id)
        onDone()
      }}
    >
      <SizeField
        label={t.instances.size}
        plans={plans}
        template={template}
        least={{ cores: 1, memory_mib: 1, disk_gib: instance.size.disk_gib }}
        value={chosen}
        onChange={setChosen}
      />
      <Divider />
      <Group grow align="flex-start">
        <Now title={t.instances.now} size={instance.size} rate={instance.rate} />
        <Now title={t.instances.afterwards} size={next} rate={estimate?.rate} />
      </Group>
    </DialogForm>
  )
}

function Now({ title, size, rate }: { title: string; size: Size | undefined; rate: Rate | undefined }) {
  const t = useT()
  const f = useFormat()
  return (
    <Stack gap={2}>
      <Text size="xs" c="dimmed">
        {title}
      </Text>
      <Text size="sm" fw={550}>
        {size ? <SizeText size={size} /> : '–'}
      </Text>
      <Text size="sm" c="dimmed" className="tnum">
        {rate ? `${f.fine(rate.running_micros)} ${t.common.perHour}` : '–'}
      </Text>
    </Stack>
  )
}
