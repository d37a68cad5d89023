import { Checkbox, Select, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { type Instance, listIsosOptions } from '~/api'
import { ejectDisc, insertDisc } from '~/api/gen/sdk.gen'
import { DialogForm } from '~/components/DialogForm'
import { Answered } from '~/components/states'
import { useT } from '~/i18n'
import { settle } from '../actions'

export function DiscDialog({ instance, onDone }: { instance: Instance; onDone: () => void }) {
  const t = useT()
  const isos = useQuery(listIsosOptions())
  const [iso, setIso] = useState<string | null>(instance.disc?.iso_id ?? null)
  const [boot, setBoot] = useState(instance.disc?.boot ?? true)
  const path = { id: instance.id }
  const url = `/api/v1/instances/${instance.id}/disc`
  const out = instance.disc && !iso
  return (
    <Answered query={isos} lines={2}>
      {(list) =>
        list.length === 0 && !instance.disc ? (
          <Text size="sm">{t.instances.discNoImages}</Text>
        ) : (
          <DialogForm
            about={t.instances.discBody}
            label={out ? t.instances.discEject : t.instances.discInsert}
            disabled={!instance.disc && !iso}
            onCancel={onDone}
            hints={[
              out
                ? { cli: `innkeeper instance disc ${instance.name}`, method: 'DELETE', path: url }
                : {
                    cli: `innkeeper instance disc ${instance.name} --iso ${iso ?? '…'}`,
                    method: 'PUT',
                    path: url,
                    body: { iso_id: iso, boot },
                  },
            ]}
            submit={async () => {
              const { data } = iso ? await insertDisc({ path, body: { iso_id: iso, boot } }) : await ejectDisc({ path })
              settle(data, instance.id)
              onDone()
            }}
          >
            <Select
              label={t.instances.discImage}
              placeholder={t.instances.discNone}
              clearable
              data={list.map((one) => ({ value: one.id, label: one.name }))}
              value={iso}
              onChange={setIso}
            />
            <Checkbox
              label={t.instances.discBoot}
              checked={boot}
              onChange={(event) => setBoot(event.currentTarget.checked)}
              disabled={!iso}
            />
          </DialogForm>
        )
      }
    </Answered>
  )
}
