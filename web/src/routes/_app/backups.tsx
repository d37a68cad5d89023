import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import { useMemo } from 'react'
import { listBackups } from '~/api/gen/sdk.gen'
import { usePages } from '~/api/pages'
import { PageHeader } from '~/components/PageHeader'
import { BackupTable } from '~/features/backups/BackupTable'
import { allInstances } from '~/features/instances/queries'
import { useT } from '~/i18n'
import { useHere } from '~/lib/me'

export const Route = createFileRoute('/_app/backups')({ component: Backups })

function Backups() {
  const t = useT()
  const { projectId } = useHere()
  const list = usePages('listBackups', projectId, (asked, signal) =>
    listBackups({ query: { ...asked, project_id: projectId }, signal }),
  )
  const { data } = useQuery(allInstances(projectId))
  const instances = useMemo(() => new Map(data?.map((one) => [one.id, one])), [data])
  return (
    <>
      <PageHeader title={t.shell.backups} sub={t.instances.backups.allAbout} />
      <BackupTable
        rows={list.items?.filter((one) => one.state !== 'deleted')}
        error={list.error}
        onRetry={() => void list.refetch()}
        more={list.more}
        instances={instances}
        withInstance
      />
    </>
  )
}
