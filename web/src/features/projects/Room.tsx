import { Button, Group, NumberInput, Progress, SimpleGrid, Stack, Text } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useQuery } from '@tanstack/react-query'
import { getQuotaOptions, type Project, type Quota } from '~/api'
import { setQuota } from '~/api/gen/sdk.gen'
import { Section } from '~/components/Section'
import { Answered } from '~/components/states'
import { useT } from '~/i18n'
import { useAct } from '~/lib/act'
import { useFormat } from '~/lib/format'
import { useIsAdmin } from '~/lib/me'

/** How much a project has of what it may have. */
export function Room({ project }: { project: Project }) {
  const t = useT()
  const f = useFormat()
  const words = t.projects
  const admin = useIsAdmin()
  const query = useQuery(getQuotaOptions({ path: { id: project.id } }))
  return (
    <Section title={words.quota} about={words.quotaAbout}>
      <Answered query={query}>
        {(quota) => (
          <Stack>
            <SimpleGrid cols={{ base: 1, xs: 2 }}>
              {(
                [
                  [words.instances, 'instances', f.whole],
                  [words.cores, 'cores', f.whole],
                  [words.memory, 'memory_mib', f.mib],
                  [words.disk, 'disk_gib', f.gib],
                ] as const
              ).map(([name, field, show]) => (
                <div key={field}>
                  <Group justify="space-between" mb={4}>
                    <Text size="sm">{name}</Text>
                    <Text size="sm" c="dimmed" className="tnum">
                      {words.quotaOf(show(quota.used[field]), show(quota.allowed[field]))}
                    </Text>
                  </Group>
                  <Progress
                    size={6}
                    aria-label={name}
                    value={quota.allowed[field] ? Math.min(100, (quota.used[field] / quota.allowed[field]) * 100) : 100}
                  />
                </div>
              ))}
            </SimpleGrid>
            {admin && <QuotaForm key={JSON.stringify(quota.set)} project={project} quota={quota} />}
          </Stack>
        )}
      </Answered>
    </Section>
  )
}

/** For administrators: how much it may have. */
function QuotaForm({ project, quota }: { project: Project; quota: Quota }) {
  const t = useT()
  const words = t.projects
  const start = (value: number | null | undefined) => (value ?? '') as number | string
  const form = useForm({
    initialValues: {
      instances: start(quota.set.instances),
      cores: start(quota.set.cores),
      memory_mib: start(quota.set.memory_mib),
      disk_gib: start(quota.set.disk_gib),
    },
  })
  const body = Object.fromEntries(
    Object.entries(form.values).map(([field, value]) => [field, value === '' ? null : Number(value)]),
  )
  const save = useAct(() => setQuota({ path: { id: project.id }, body }), { stale: ['getQuota'], done: t.common.saved })
  return (
    <form onSubmit={form.onSubmit(() => save.mutate(undefined))}>
      <Text size="xs" c="dimmed" mb="xs">
        {words.adminQuotaHint}
      </Text>
      <Group align="flex-end" gap="sm">
        {(['instances', 'cores', 'memory_mib', 'disk_gib'] as const).map((field) => (
          <NumberInput
            key={field}
            flex="1 1 120px"
            size="xs"
            min={0}
            label={
              { instances: words.instances, cores: words.cores, memory_mib: words.memory, disk_gib: words.disk }[field]
            }
            placeholder={String(quota.allowed[field])}
            {...form.getInputProps(field)}
          />
        ))}
        <Button type="submit" size="xs" variant="default" loading={save.isPending}>
          {words.quotaSet}
        </Button>
      </Group>
    </form>
  )
}
