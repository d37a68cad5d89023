import { Code, Group, PasswordInput, SimpleGrid, Stack, Text, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { modals } from '@mantine/modals'
import { notifications } from '@mantine/notifications'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import { useState } from 'react'
import { type Cluster, type ClusterChangeWritable, getClusterOptions, refetch } from '~/api'
import { changeCluster } from '~/api/gen/sdk.gen'
import { CanButton } from '~/components/Can'
import { DialogForm } from '~/components/DialogForm'
import { Facts } from '~/components/Facts'
import { Section } from '~/components/Section'
import { Answered } from '~/components/states'
import { When } from '~/components/When'
import { allConfirmed, asEndpoints, Endpoints, type Entered, entered } from '~/features/admin/clusters/Endpoints'
import { NodeDoors } from '~/features/admin/clusters/NodeDoors'
import { useT } from '~/i18n'
import { useIsAdmin } from '~/lib/me'
import { atField } from '~/lib/problems'

export const Route = createFileRoute('/_app/admin/clusters/$id/settings')({ component: Settings })

function Settings() {
  const { id } = Route.useParams()
  const query = useQuery(getClusterOptions({ path: { id } }))
  return <Answered query={query}>{(cluster) => <Shown cluster={cluster} />}</Answered>
}

function Shown({ cluster }: { cluster: Cluster }) {
  const t = useT()
  const words = t.admin.clusters
  const admin = useIsAdmin()
  return (
    <Stack>
      <SimpleGrid cols={{ base: 1, md: 2 }}>
        <Section
          title={words.where}
          action={
            <CanButton
              variant="default"
              why={admin ? undefined : t.admin.adminsOnly}
              onClick={() =>
                modals.open({
                  title: words.reachTitle,
                  size: 'lg',
                  children: <ReachDialog cluster={cluster} onDone={() => modals.closeAll()} />,
                })
              }
            >
              {t.common.edit}
            </CanButton>
          }
        >
          <Stack gap="md">
            {cluster.endpoints.map((one) => (
              <div key={one.url}>
                <Text size="sm" fw={550}>
                  {one.url}
                </Text>
                <Text size="xs" c="dimmed" ff="monospace" style={{ overflowWrap: 'anywhere' }}>
                  {one.fingerprint ?? words.byAuthority}
                </Text>
              </div>
            ))}
          </Stack>
        </Section>
        <Section title={words.about}>
          <Facts
            items={[
              [words.tokenId, <Code key="token">{cluster.token_id}</Code>],
              [words.bridge, cluster.bridge],
              [words.vmids, `${cluster.vmids.first} – ${cluster.vmids.last}`],
              [words.pool, cluster.pool ?? t.common.none],
              [words.priority, cluster.priority],
              [words.since, <When key="since" at={cluster.created_at} />],
              [t.projects.id, <Code key="id">{cluster.id}</Code>],
            ]}
          />
        </Section>
      </SimpleGrid>
      <NodeDoors cluster={cluster} />
    </Stack>
  )
}

/** Another way to reach the same cluster; the house tries it before it is kept. */
function ReachDialog({ cluster, onDone }: { cluster: Cluster; onDone: () => void }) {
  const t = useT()
  const words = t.admin.clusters
  const [list, setList] = useState<Entered[]>(() => cluster.endpoints.map(entered))
  const form = useForm({ initialValues: { token_id: '', token_secret: '' } })
  const { token_id, token_secret } = form.values
  const body: ClusterChangeWritable = {
    endpoints: asEndpoints(list),
    ...(token_id.trim() ? { token_id: token_id.trim(), token_secret } : {}),
  }
  return (
    <DialogForm
      about={words.reachAbout}
      label={t.common.save}
      disabled={!allConfirmed(list)}
      onCancel={onDone}
      hints={[
        {
          cli: `innkeeper cluster reach ${cluster.name} ${list.map((one) => `--endpoint ${one.url || 'URL'}`).join(' ')}`,
          method: 'PATCH',
          path: `/api/v1/clusters/${cluster.id}`,
          body: { ...body, ...(token_secret ? { token_secret: 'SECRET' } : {}) },
        },
      ]}
      onRefused={(error, text) => atField(form, error, text)}
      submit={() =>
        changeCluster({ path: { id: cluster.id }, body }).then(() => {
          void refetch('listClusters', 'getCluster')
          notifications.show({ color: 'teal', message: t.common.saved })
          onDone()
        })
      }
    >
      <Endpoints list={list} onChange={setList} />
      <Group grow align="flex-start">
        <TextInput
          label={`${words.tokenId} (${t.common.optional})`}
          placeholder={cluster.token_id}
          autoComplete="off"
          {...form.getInputProps('token_id')}
        />
        <PasswordInput label={words.tokenSecret} autoComplete="off" {...form.getInputProps('token_secret')} />
      </Group>
    </DialogForm>
  )
}
