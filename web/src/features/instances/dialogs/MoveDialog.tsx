import { Select } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { type Instance, listNodesOptions } from '~/api'
import { migrateInstance } from '~/api/gen/sdk.gen'
import { DialogForm } from '~/components/DialogForm'
import { useT } from '~/i18n'
import { settle } from '../actions'

/** For staff: to which node. */
export function MoveDialog({ instance, onDone }: { instance: Instance; onDone: () => void }) {
  const t = useT()
  const cluster = instance.placement?.cluster_id ?? ''
  const { data: nodes } = useQuery({
    ...listNodesOptions({ path: { id: cluster }, query: { limit: 200 } }),
    enabled: cluster !== '',
  })
  const [node, setNode] = useState<string | null>(null)
  const body = node ? { node } : {}
  return (
    <DialogForm
      label={t.instances.do.migrate}
      onCancel={onDone}
      hints={[
        {
          cli: `innkeeper instance migrate ${instance.name}${node ? ` --to ${node}` : ''}`,
          path: `/api/v1/instances/${instance.id}/migrate`,
          body,
        },
      ]}
      submit={async () => {
        const { data } = await migrateInstance({ path: { id: instance.id }, body })
        settle(data, instance.id)
        onDone()
      }}
    >
      <Select
        label={t.instances.moveNode}
        placeholder={t.instances.moveAny}
        clearable
        data={
          nodes?.items
            .filter((one) => one.name !== instance.placement?.node)
            .map((one) => ({ value: one.name, label: one.name, disabled: !one.online || one.maintenance })) ?? []
        }
        value={node}
        onChange={setNode}
      />
    </DialogForm>
  )
}
