import { Group, NumberInput, SegmentedControl, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useState } from 'react'
import { type Plan, refetch, type Size } from '~/api'
import { createPlan, pricePlan } from '~/api/gen/sdk.gen'
import { DialogForm } from '~/components/DialogForm'
import { useT } from '~/i18n'
import { MICROS } from '~/lib/format'
import { atField } from '~/lib/problems'
import { shellWord } from '~/lib/words'
import { SizeInputs, sizeArgument } from './SizeInputs'

type Price = { own: boolean; running: number | string; stopped: number | string }

const micros = (credits: number | string) => Math.round(Number(credits) * MICROS)
const rateOf = (price: Price) =>
  price.own ? { running_micros: micros(price.running), stopped_micros: micros(price.stopped) } : null

/** A price of its own, or what the price list makes of the size. */
function PriceFields({ price, onChange }: { price: Price; onChange: (price: Price) => void }) {
  const words = useT().admin.catalogue
  return (
    <>
      <SegmentedControl
        fullWidth
        aria-label={words.price}
        value={price.own ? 'own' : 'list'}
        onChange={(next) => onChange({ ...price, own: next === 'own' })}
        data={[
          { value: 'list', label: words.byList },
          { value: 'own', label: words.ownPrice },
        ]}
      />
      {price.own && (
        <Group grow>
          <NumberInput
            label={words.runningHour}
            min={0}
            decimalScale={6}
            step={0.001}
            value={price.running}
            onChange={(running) => onChange({ ...price, running })}
          />
          <NumberInput
            label={words.stoppedHour}
            min={0}
            decimalScale={6}
            step={0.001}
            value={price.stopped}
            onChange={(stopped) => onChange({ ...price, stopped })}
          />
        </Group>
      )}
    </>
  )
}

export function PlanDialog({ onDone }: { onDone: () => void }) {
  const t = useT()
  const words = t.admin.catalogue
  const [price, setPrice] = useState<Price>({ own: false, running: 0, stopped: 0 })
  const form = useForm({
    initialValues: { name: '', size: { cores: 1, memory_mib: 1024, disk_gib: 10 } as Size },
    validate: { name: (name) => (name.trim() ? null : t.common.required) },
  })
  const { name, size } = form.values
  const rate = rateOf(price)
  const body = { name: name.trim(), size, ...(rate ? { price: rate } : {}) }
  return (
    <DialogForm
      label={words.newPlan}
      onCancel={onDone}
      hints={[
        {
          cli: `innkeeper plan add ${shellWord(body.name || 'Small')} --size ${sizeArgument(size)}`,
          path: '/api/v1/plans',
          body,
        },
      ]}
      onRefused={(error, text) => atField(form, error, text)}
      submit={() =>
        !form.validate().hasErrors &&
        createPlan({ body }).then(() => {
          void refetch('listPlans')
          onDone()
        })
      }
    >
      <TextInput data-autofocus label={t.common.name} placeholder="Small" {...form.getInputProps('name')} />
      <SizeInputs
        legend={t.instances.size}
        value={size}
        error={form.errors.size as string | undefined}
        onChange={(next) => form.setFieldValue('size', next)}
      />
      <PriceFields price={price} onChange={setPrice} />
    </DialogForm>
  )
}

export function PlanPriceDialog({ plan, onDone }: { plan: Plan; onDone: () => void }) {
  const words = useT().admin.catalogue
  const [price, setPrice] = useState<Price>({
    own: !!plan.price,
    running: (plan.price?.running_micros ?? 0) / MICROS,
    stopped: (plan.price?.stopped_micros ?? 0) / MICROS,
  })
  const body = { price: rateOf(price) }
  return (
    <DialogForm
      about={words.planPriceAbout}
      label={words.setPrice}
      onCancel={onDone}
      hints={[{ method: 'PUT', path: `/api/v1/plans/${plan.id}/price`, body }]}
      submit={() =>
        pricePlan({ path: { id: plan.id }, body }).then(() => {
          void refetch('listPlans', 'estimatePrice')
          onDone()
        })
      }
    >
      <PriceFields price={price} onChange={setPrice} />
    </DialogForm>
  )
}
