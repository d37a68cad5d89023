import { createFileRoute } from '@tanstack/react-router'
import * as v from 'valibot'
import { Operations } from '~/features/operations/Operations'

export const Route = createFileRoute('/_app/instances/$id/activity')({
  validateSearch: v.object({ operation: v.optional(v.string()) }),
  component: ActivityTab,
})

function ActivityTab() {
  const { id } = Route.useParams()
  const { operation } = Route.useSearch()
  return <Operations key={operation} instanceId={id} open={operation} />
}
