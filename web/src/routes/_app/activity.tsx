import { Switch } from '@mantine/core'
import { createFileRoute } from '@tanstack/react-router'
import * as v from 'valibot'
import { PageHeader } from '~/components/PageHeader'
import { Operations } from '~/features/operations/Operations'
import { useT } from '~/i18n'

export const Route = createFileRoute('/_app/activity')({
  validateSearch: v.object({ active: v.optional(v.boolean()) }),
  component: Activity,
})

function Activity() {
  const t = useT()
  const { active } = Route.useSearch()
  const navigate = Route.useNavigate()
  return (
    <>
      <PageHeader title={t.operations.title} sub={t.operations.sub}>
        <Switch
          label={t.operations.onlyActive}
          checked={!!active}
          onChange={(event) =>
            void navigate({ search: { active: event.currentTarget.checked || undefined }, replace: true })
          }
        />
      </PageHeader>
      <Operations active={active} />
    </>
  )
}
