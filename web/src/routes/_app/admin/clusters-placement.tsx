import { Alert, Card, Group, Select, SimpleGrid, Stack, Text, Title } from '@mantine/core'
import { IconCircleCheck, IconInfoCircle } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import * as v from 'valibot'
import type { NodeVerdict, PlacementFate } from '~/api'
import { explainPlacement } from '~/api/gen/sdk.gen'
import { CommandHints } from '~/components/CommandHints'
import { LinkBack } from '~/components/links'
import { PageHeader } from '~/components/PageHeader'
import { Badge, type Tone } from '~/components/StatusBadge'
import { Answered } from '~/components/states'
import { Room } from '~/features/admin/clusters/health'
import { useClusters } from '~/features/admin/names'
import { allPlans, allTemplates } from '~/features/instances/queries'
import { SizeText } from '~/features/instances/SizeText'
import { useT } from '~/i18n'
import { useFormat } from '~/lib/format'
import { shellWord } from '~/lib/words'

export const Route = createFileRoute('/_app/admin/clusters-placement')({
  validateSearch: v.object({ template: v.optional(v.string()), plan: v.optional(v.string()) }),
  component: Placement,
})

const tones: Record<PlacementFate, Tone> = { chosen: 'good', candidate: 'quiet', refused: 'bad' }

/** Where an instance would go now, and why not elsewhere. */
function Placement() {
  const t = useT()
  const words = t.admin.placement
  const search = Route.useSearch()
  const navigate = Route.useNavigate()
  const { data: templates } = useQuery(allTemplates())
  const { data: plans } = useQuery(allPlans())
  const template = search.template ?? templates?.[0]?.id
  const plan = search.plan ?? plans?.[0]?.id
  const body = { ...(template ? { template_id: template } : {}), ...(plan ? { plan_id: plan } : {}) }
  const query = useQuery({
    queryKey: [{ _id: 'explainPlacement', body }],
    queryFn: async ({ signal }) => (await explainPlacement({ body, signal })).data,
    enabled: !!template && !!plan,
    retry: false,
  })
  const named = (list: { id: string; name: string }[] | undefined) =>
    list?.map((one) => ({ value: one.id, label: one.name })) ?? []
  return (
    <>
      <PageHeader
        title={words.title}
        sub={words.sub}
        back={<LinkBack to="/admin/clusters">{t.admin.clusters.title}</LinkBack>}
      />
      <Stack>
        <Group grow maw={560} align="flex-end">
          <Select
            label={t.leases.template}
            allowDeselect={false}
            data={named(templates)}
            value={template ?? null}
            onChange={(next) => void navigate({ search: { ...search, template: next ?? undefined }, replace: true })}
          />
          <Select
            label={t.leases.plan}
            allowDeselect={false}
            data={named(plans)}
            value={plan ?? null}
            onChange={(next) => void navigate({ search: { ...search, plan: next ?? undefined }, replace: true })}
          />
        </Group>
        <Answered query={query} lines={6}>
          {(found) => (
            <>
              <Alert
                className="notice"
                color={found.possible ? 'teal' : 'red'}
                icon={found.possible ? <IconCircleCheck aria-hidden /> : <IconInfoCircle aria-hidden />}
                role="status"
              >
                {found.possible ? words.possible : words.impossible} <SizeText size={found.size} />
                {found.obstacles.map((one) => (
                  <Text key={one.code} size="sm">
                    {one.message}
                  </Text>
                ))}
              </Alert>
              <SimpleGrid cols={{ base: 1, md: 2, lg: 3 }}>
                {found.nodes.map((one) => (
                  <Verdict key={`${one.cluster_id}/${one.node}`} one={one} />
                ))}
              </SimpleGrid>
            </>
          )}
        </Answered>
        <CommandHints
          hints={[
            {
              cli: `innkeeper placement explain --template ${shellWord(templates?.find((one) => one.id === template)?.name ?? '')} --plan ${shellWord(plans?.find((one) => one.id === plan)?.name ?? '')}`,
              path: '/api/v1/placements/explain',
              body,
            },
          ]}
        />
      </Stack>
    </>
  )
}

function Verdict({ one }: { one: NodeVerdict }) {
  const t = useT()
  const f = useFormat()
  const words = t.admin.placement
  const { names } = useClusters()
  const why = ({ reason, score }: NodeVerdict) => {
    if (reason) return words.reasons[reason]
    return (
      score &&
      words.left(score.priority, f.percent(score.memory_per_mille / 1000), f.percent(score.disk_per_mille / 1000))
    )
  }
  return (
    <Card component="article">
      <Group justify="space-between" align="flex-start" mb="sm" wrap="nowrap">
        <div>
          <Title order={2} size="h5">
            {one.node}
          </Title>
          <Text size="xs" c="dimmed">
            {names.get(one.cluster_id)}
            {one.storage && ` · ${one.storage}`}
          </Text>
        </div>
        <Badge tone={tones[one.fate]}>{words.fates[one.fate]}</Badge>
      </Group>
      <Text size="sm" mb="sm">
        {why(one)}
      </Text>
      <Stack gap="sm" mt="auto">
        <Room
          name={t.instances.memory}
          used={one.memory.used + one.memory.promised}
          total={one.memory.total}
          show={f.bytes}
          about={words.needs(f.bytes(one.memory.needed))}
        />
        {one.storages.map((storage) => (
          <Room
            key={storage.name}
            name={storage.name}
            used={storage.space.used + storage.space.promised}
            total={storage.space.total}
            show={f.bytes}
            about={storage.reason ? words.storageReasons[storage.reason] : words.needs(f.bytes(storage.space.needed))}
          />
        ))}
      </Stack>
    </Card>
  )
}
