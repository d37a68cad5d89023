import type { Project } from '~/api'
import { listProjectAudit } from '~/api/gen/sdk.gen'
import { usePages } from '~/api/pages'
import { Section } from '~/components/Section'
import { AuditTable } from '~/features/audit/AuditTable'
import { useT } from '~/i18n'

/** What was done in a project. */
export function Log({ project }: { project: Project }) {
  const t = useT()
  const list = usePages(
    'listProjectAudit',
    project.id,
    (asked, signal) => listProjectAudit({ path: { id: project.id }, query: asked, signal }),
    { limit: 20 },
  )
  return (
    <Section title={t.projects.audit} about={t.projects.auditAbout}>
      <AuditTable rows={list.items} error={list.error} onRetry={() => void list.refetch()} more={list.more} />
    </Section>
  )
}
