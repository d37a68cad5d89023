import { Alert, Box, SimpleGrid } from '@mantine/core'
import { IconAlertTriangle } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute, Outlet } from '@tanstack/react-router'
import { getBalanceOptions, getProjectOptions } from '~/api'
import { Credits } from '~/components/Credits'
import { LinkBack } from '~/components/links'
import { PageHeader } from '~/components/PageHeader'
import { PageTabs } from '~/components/PageTabs'
import { Stat } from '~/components/Stat'
import { Failed } from '~/components/states'
import { useT } from '~/i18n'
import { useFormat } from '~/lib/format'

export const Route = createFileRoute('/_app/projects/$id/credits')({ component: CreditsPage })

function CreditsPage() {
  const t = useT()
  const f = useFormat()
  const words = t.credits
  const { id } = Route.useParams()
  const { data: project } = useQuery(getProjectOptions({ path: { id } }))
  const balance = useQuery(getBalanceOptions({ path: { id } }))
  const now = balance.data
  const tab = (to: string, label: string) => ({ to: to as '/', params: { id } as never, label })
  return (
    <>
      <PageHeader
        title={words.title}
        sub={words.sub(project?.name ?? '…')}
        back={
          <LinkBack to="/projects/$id" params={{ id }}>
            {t.projects.title}
          </LinkBack>
        }
      />
      {balance.error && <Failed error={balance.error} onRetry={() => void balance.refetch()} />}
      {now?.billing_hold_since && (
        <Alert color="red" mb="md" icon={<IconAlertTriangle aria-hidden />}>
          {words.hold}
        </Alert>
      )}
      <SimpleGrid cols={{ base: 2, md: 4 }} mb="md">
        <Stat
          name={words.balance}
          value={now && <Credits micros={now.wallet_micros} />}
          link={{ to: '/projects/$id/credits', params: { id } }}
        />
        <Stat
          name={words.held}
          value={now && <Credits micros={now.held_micros} />}
          hint={words.heldHint}
          link={{ to: '/projects/$id/credits', params: { id }, search: { cause: 'hold' } }}
        />
        <Stat
          name={words.burn}
          value={now && <Credits micros={now.rate_micros_per_hour} unit={t.common.perHour} exact />}
          link={{ to: '/projects/$id/credits/spending', params: { id } }}
          hint={now && `${words.accrued} · ${f.fine(now.accrued_micros)}`}
        />
        {now?.owed_micros ? (
          <Stat
            name={words.owed}
            value={<Credits micros={now.owed_micros} />}
            link={{ to: '/projects/$id/credits/top-up', params: { id } }}
          />
        ) : (
          <Stat
            name={words.runway}
            link={{ to: '/projects/$id/credits/top-up', params: { id } }}
            value={now && (now.runway_seconds == null ? t.dashboard.endless : f.duration(now.runway_seconds))}
          />
        )}
      </SimpleGrid>
      <PageTabs
        label={words.title}
        tabs={[
          tab('/projects/$id/credits', words.tabs.ledger),
          tab('/projects/$id/credits/spending', words.tabs.spending),
          tab('/projects/$id/credits/top-up', words.tabs.topup),
          tab('/projects/$id/credits/invoices', words.tabs.invoices),
          tab('/projects/$id/credits/export', words.tabs.export),
        ]}
      />
      <Box pt="md">
        <Outlet />
      </Box>
    </>
  )
}
