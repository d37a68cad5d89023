import { Alert, Box, Code, Group, ScrollArea, Select, Stack, Text } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { IconCheck, IconX } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { type AdoptionItem, type AdoptionsAsked, refetch } from '~/api'
import { adoptGuests } from '~/api/gen/sdk.gen'
import { Credits } from '~/components/Credits'
import { DialogForm } from '~/components/DialogForm'
import { allPlans } from '~/features/instances/queries'
import { SizeText } from '~/features/instances/SizeText'
import { useT } from '~/i18n'
import { allProjects, useClusters } from '../names'

const FREE = 'free'

/** Adopts guests: first for whom and at which price, then what would be done, then it is done. */
export function AdoptDialog({
  cluster,
  vmids,
  projectId,
  onDone,
}: {
  cluster: string
  vmids: number[]
  projectId: string
  onDone: () => void
}) {
  const t = useT()
  const words = t.admin.clusters
  const { names } = useClusters()
  const { data: projects } = useQuery(allProjects())
  const { data: plans } = useQuery(allPlans())
  const [project, setProject] = useState(projectId)
  const [price, setPrice] = useState<string>(FREE)
  const [found, setFound] = useState<AdoptionItem[]>()
  const asked = (dry_run: boolean): AdoptionsAsked => ({
    dry_run,
    vmids,
    project_id: project,
    ...(price === FREE ? { rate: { running_micros: 0, stopped_micros: 0 } } : { plan_id: price }),
  })
  const path = { id: cluster }
  const adoptable = found?.filter((one) => one.adoptable).length ?? 0
  const plan = plans?.find((one) => one.id === price)?.name
  const cli = `innkeeper cluster adopt ${names.get(cluster) ?? cluster} ${vmids.map((vmid) => `--vmid ${vmid}`).join(' ')} --project ${project} ${price === FREE ? '--free' : `--plan '${plan}'`}`
  return (
    <DialogForm
      about={words.adoptAbout}
      label={found ? words.adoptNow(adoptable) : words.dryRun}
      disabled={found !== undefined && adoptable === 0}
      onCancel={onDone}
      hints={[
        {
          cli: found ? cli : `${cli} --dry-run`,
          path: `/api/v1/clusters/${cluster}/adoptions`,
          body: asked(!found),
        },
      ]}
      submit={async () => {
        const { data } = await adoptGuests({ path, body: asked(!found) })
        if (!found) return setFound(data.items)
        notifications.show({ color: 'teal', message: words.adopting(data.items.filter((one) => one.adoption).length) })
        void refetch('listGuests', 'listAdoptions', 'listInstances')
        onDone()
      }}
    >
      <Group grow align="flex-start">
        <Select
          label={words.forProject}
          searchable
          allowDeselect={false}
          data={projects?.map((one) => ({ value: one.id, label: one.name })) ?? []}
          value={project}
          onChange={(next) => {
            setProject(next ?? projectId)
            setFound(undefined)
          }}
        />
        <Select
          label={words.price}
          allowDeselect={false}
          data={[
            { value: FREE, label: words.free },
            ...(plans?.map((one) => ({ value: one.id, label: words.asPlan(one.name) })) ?? []),
          ]}
          value={price}
          onChange={(next) => {
            setPrice(next ?? FREE)
            setFound(undefined)
          }}
        />
      </Group>
      {found ? (
        <Box role="status">
          <Text size="sm" fw={550} mb="xs">
            {words.wouldBe}
          </Text>
          <ScrollArea.Autosize mah={340} viewportProps={{ tabIndex: 0, role: 'region', 'aria-label': words.wouldBe }}>
            {found.map((one) => (
              <Item key={one.vmid} one={one} />
            ))}
          </ScrollArea.Autosize>
        </Box>
      ) : (
        <Alert className="notice" color="indigo">
          {words.dryRunAbout(vmids.length)}
        </Alert>
      )}
    </DialogForm>
  )
}

function Item({ one }: { one: AdoptionItem }) {
  const t = useT()
  const words = t.admin.clusters
  const { draft, writes } = one
  return (
    <Group wrap="nowrap" align="flex-start" gap="sm" py="sm" className="line">
      {one.adoptable ? (
        <IconCheck
          size={18}
          color="light-dark(#138a4e, #3ecf8e)"
          style={{ flex: 'none' }}
          role="img"
          aria-label={words.ok}
        />
      ) : (
        <IconX
          size={18}
          color="var(--mantine-color-error)"
          style={{ flex: 'none' }}
          role="img"
          aria-label={words.notOk}
        />
      )}
      <Stack gap={4} style={{ minWidth: 0 }}>
        <Text size="sm" fw={550}>
          {one.vmid} {one.guest_name}
          {draft && draft.name !== one.guest_name && ` → ${draft.name}`}
        </Text>
        {one.message && (
          <Text size="xs" c="red">
            {one.message}
          </Text>
        )}
        {draft && (
          <Text size="xs" c="dimmed">
            <SizeText size={draft.size} /> · {draft.node} · {draft.storage} ·{' '}
            <Credits micros={draft.rate.running_micros} unit={t.common.perHour} exact />
          </Text>
        )}
        {writes && (
          <Text size="xs" component="div">
            {words.writes} <Code>{writes.description_line}</Code>
            {writes.tag && (
              <>
                {' '}
                {words.writesTag} <Code>{writes.tag}</Code>
              </>
            )}
          </Text>
        )}
        {[...one.disks, ...one.nets].map((line) => (
          <Text key={line.name} size="xs" c="dimmed" ff="monospace" style={{ overflowWrap: 'anywhere' }}>
            {line.name}: {line.value}
          </Text>
        ))}
      </Stack>
    </Group>
  )
}
