import { TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import type { Project } from '~/api'
import { refetch } from '~/api'
import { createProject, renameProject } from '~/api/gen/sdk.gen'
import { DialogForm } from '~/components/DialogForm'
import { useT } from '~/i18n'
import { atField } from '~/lib/problems'
import { shellWord } from '~/lib/words'

/** A new project, or another name for one. */
export function NameDialog({ project, onDone }: { project?: Project; onDone: (project: Project) => void }) {
  const t = useT()
  const form = useForm({ initialValues: { name: project?.name ?? '' } })
  const body = { name: form.values.name.trim() }
  return (
    <DialogForm
      label={project ? t.projects.rename : t.projects.create}
      hints={[
        project
          ? {
              cli: `innkeeper project rename ${project.id} ${shellWord(body.name)}`,
              method: 'PATCH',
              path: `/api/v1/projects/${project.id}`,
              body,
            }
          : { cli: `innkeeper project create ${shellWord(body.name)}`, path: '/api/v1/projects', body },
      ]}
      onRefused={(error, text) => atField(form, error, text)}
      submit={async () => {
        const { data } = project
          ? await renameProject({ path: { id: project.id }, body })
          : await createProject({ body })
        await refetch('listProjects', 'getProject', 'getMe')
        onDone(data)
      }}
    >
      <TextInput data-autofocus label={t.projects.name} {...form.getInputProps('name')} />
    </DialogForm>
  )
}
