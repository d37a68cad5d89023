import { Group, NumberInput, Radio, SimpleGrid, Skeleton, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { Plan, Rate, Size, Template } from '~/api'
import { estimatePrice } from '~/api/gen/sdk.gen'
import { useT } from '~/i18n'
import { type Formats, useFormat } from '~/lib/format'
import { sizeText } from './SizeText'
import classes from './sizes.module.css'

/** A plan by its id, or a size of one's own. */
export type Chosen = { plan_id: string } | { size: Size }

/** What a plan or a size costs, as the house says; nothing where that has no price. */
export function useEstimate(chosen: Chosen | undefined) {
  return useQuery({
    queryKey: [{ _id: 'estimatePrice', chosen }],
    queryFn: async ({ signal }) => (await estimatePrice({ body: chosen ?? {}, signal })).data,
    enabled: chosen !== undefined,
    staleTime: 60_000,
    placeholderData: (before) => before,
    retry: false,
  })
}

export const priceOf = (rate: Rate | undefined, f: Formats) => (rate ? f.fine(rate.running_micros) : '–')

const fields = ['cores', 'memory_mib', 'disk_gib'] as const

/** Whether a size is within what a template allows; else what is wrong with it. */
function misfit(size: Size, template: Template | undefined, least: Size | undefined): 'small' | 'large' | undefined {
  const bottom = least ?? template?.least
  if (bottom && fields.some((field) => size[field] < bottom[field])) return 'small'
  if (template && fields.some((field) => size[field] > template.most[field])) return 'large'
  return undefined
}

/** Chooses a plan, or a size of one's own, within what a template allows. */
export function SizeField({
  plans,
  template,
  least,
  value,
  onChange,
  label,
}: {
  plans: Plan[] | undefined
  template?: Template
  least?: Size
  value: Chosen
  onChange: (chosen: Chosen) => void
  label: string
}) {
  const t = useT()
  const f = useFormat()
  const own = 'size' in value ? value.size : undefined
  const chosenPlan = 'plan_id' in value ? value.plan_id : undefined
  const start = own ?? plans?.find((plan) => plan.id === chosenPlan)?.size ?? template?.default_size
  const offered = plans?.filter((plan) => plan.offered)
  return (
    <Radio.Group
      label={label}
      labelProps={{ className: 'visually-hidden' }}
      value={chosenPlan ?? 'own'}
      onChange={(id) =>
        onChange(id === 'own' ? { size: start ?? { cores: 1, memory_mib: 1024, disk_gib: 10 } } : { plan_id: id })
      }
    >
      <SimpleGrid cols={{ base: 1, xs: 2, lg: 4 }} spacing="sm">
        {!offered && [0, 1, 2, 3].map((n) => <Skeleton key={n} h={104} radius="md" />)}
        {offered?.map((plan) => {
          const wrong = misfit(plan.size, template, least)
          return (
            <Radio.Card
              key={plan.id}
              value={plan.id}
              disabled={wrong !== undefined}
              className={classes.card}
              p="md"
              radius="md"
            >
              <Group wrap="nowrap" align="flex-start" gap="sm">
                <Radio.Indicator size="sm" mt={2} />
                <div>
                  <Text fw={600} size="sm">
                    {plan.name}
                  </Text>
                  <Stack gap={0} mt={4}>
                    <Text size="xs" c="dimmed">
                      {t.instances.cores(plan.size.cores)}
                    </Text>
                    <Text size="xs" c="dimmed">
                      {f.mib(plan.size.memory_mib)} · {f.gib(plan.size.disk_gib)}
                    </Text>
                    {wrong ? (
                      <Text size="xs" c="red">
                        {wrong === 'small'
                          ? t.create.tooSmall(template?.name ?? '')
                          : t.create.tooLarge(template?.name ?? '')}
                      </Text>
                    ) : (
                      <PlanPrice plan={plan} />
                    )}
                  </Stack>
                </div>
              </Group>
            </Radio.Card>
          )
        })}
        <Radio.Card value="own" className={classes.card} p="md" radius="md">
          <Group wrap="nowrap" align="flex-start" gap="sm">
            <Radio.Indicator size="sm" mt={2} />
            <div>
              <Text fw={600} size="sm">
                {t.create.custom}
              </Text>
              <Text size="xs" c="dimmed" mt={4}>
                {own ? sizeText(t, f, own) : '…'}
              </Text>
            </div>
          </Group>
        </Radio.Card>
      </SimpleGrid>
      {own && <OwnSize size={own} template={template} least={least} onChange={(size) => onChange({ size })} />}
    </Radio.Group>
  )
}

function PlanPrice({ plan }: { plan: Plan }) {
  const t = useT()
  const f = useFormat()
  const { data } = useEstimate({ plan_id: plan.id })
  return (
    <Text size="xs" fw={550} className="tnum" mt={4}>
      {data ? `${f.fine(data.rate.running_micros)} ${t.common.perHour}` : ' '}
    </Text>
  )
}

function OwnSize({
  size,
  template,
  least,
  onChange,
}: {
  size: Size
  template?: Template
  least?: Size
  onChange: (size: Size) => void
}) {
  const t = useT()
  const f = useFormat()
  const names = { cores: t.create.cores, memory_mib: t.create.memory, disk_gib: t.create.disk }
  const steps = { cores: 1, memory_mib: 256, disk_gib: 1 }
  const show = { cores: (n: number) => String(n), memory_mib: f.mib, disk_gib: f.gib }
  return (
    <SimpleGrid cols={{ base: 1, xs: 3 }} mt="md" spacing="sm">
      {fields.map((field) => {
        const min = Math.max(least?.[field] ?? 1, template?.least[field] ?? 1)
        const max = template?.most[field]
        return (
          <NumberInput
            key={field}
            label={names[field]}
            description={max ? t.create.range(show[field](min), show[field](max)) : undefined}
            value={size[field]}
            min={min}
            max={max}
            step={steps[field]}
            allowDecimal={false}
            clampBehavior="blur"
            onChange={(n) => typeof n === 'number' && onChange({ ...size, [field]: n })}
          />
        )
      })}
    </SimpleGrid>
  )
}
