import { Select, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { type Instance, listSnapshotsOptions } from '~/api'
import { duplicateInstance } from '~/api/gen/sdk.gen'
import { DialogForm } from '~/components/DialogForm'
import { useT } from '~/i18n'
import { useHere } from '~/lib/me'
import { atField } from '~/lib/problems'
import { settle } from '../actions'

export function DuplicateDialog({ instance, onDone }: { instance: Instance; onDone: () => void }) {
  const t = useT()
  const navigate = useNavigate()
  const { projects } = useHere()
  const { data: snapshots } = useQuery(listSnapshotsOptions({ path: { id: instance.id } }))
  const form = useForm({
    initialValues: {
      name: `${instance.name.slice(0, 58)}-copy`,
      snapshot: null as string | null,
      project_id: instance.project_id,
    },
  })
  const { name, snapshot, project_id } = form.values
  const body = { name: name.trim(), project_id, ...(snapshot ? { snapshot } : {}) }
  return (
    <DialogForm
      about={t.instances.duplicateBody}
      label={t.instances.do.duplicate}
      onCancel={onDone}
      hints={[
        {
          cli: `innkeeper instance duplicate ${instance.name} --name ${name}${snapshot ? ` --snapshot ${snapshot}` : ''}`,
          path: `/api/v1/instances/${instance.id}/duplicate`,
          body,
        },
      ]}
      onRefused={(error, text) => atField(form, error, text)}
      submit={async () => {
        const { data } = await duplicateInstance({ path: { id: instance.id }, body })
        settle(data, data.instance_id)
        onDone()
        void navigate({ to: '/instances/$id', params: { id: data.instance_id } })
      }}
    >
      <TextInput
        data-autofocus
        label={t.instances.newName}
        description={t.instances.nameHint}
        {...form.getInputProps('name')}
      />
      <Select
        label={t.instances.fromSnapshot}
        clearable
        data={snapshots?.items.map((one) => one.name) ?? []}
        disabled={!snapshots?.items.length}
        placeholder={snapshots?.items.length ? undefined : t.instances.snapshots.empty}
        {...form.getInputProps('snapshot')}
      />
      {projects.length > 1 && (
        <Select
          label={t.create.project}
          allowDeselect={false}
          data={projects.map((one) => ({ value: one.id, label: one.name }))}
          {...form.getInputProps('project_id')}
        />
      )}
    </DialogForm>
  )
}
