import { Checkbox, Code, Group, Stack, Text, TextInput } from '@mantine/core'
import { modals } from '@mantine/modals'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { type Cluster, getNodeAccessOptions, hasCode, listNodesOptions, type NodeAccess, refetch } from '~/api'
import { removeNodeAccess, setNodeAccess } from '~/api/gen/sdk.gen'
import { CanButton } from '~/components/Can'
import { CommandHints } from '~/components/CommandHints'
import { confirm } from '~/components/confirm'
import { DialogForm } from '~/components/DialogForm'
import { Copy } from '~/components/SecretOnce'
import { Section } from '~/components/Section'
import { Answered } from '~/components/states'
import { When } from '~/components/When'
import { useT } from '~/i18n'
import { useIsAdmin } from '~/lib/me'

/** How commands get into containers: through their nodes, by a key that may do nothing else there. */
export function NodeDoors({ cluster }: { cluster: Cluster }) {
  const t = useT()
  const words = t.admin.clusters.doors
  const admin = useIsAdmin()
  const path = { id: cluster.id }
  const query = useQuery({ ...getNodeAccessOptions({ path }), retry: false })
  const none = hasCode(query.error, 'not_found')
  const why = admin ? undefined : t.admin.adminsOnly
  const access = query.data
  return (
    <Section
      title={words.title}
      about={words.about}
      action={
        <>
          {access && (
            <CanButton
              variant="default"
              why={why}
              onClick={() =>
                confirm({
                  title: words.removeTitle,
                  body: words.removeBody,
                  label: t.common.remove,
                  name: cluster.name,
                  extra: (
                    <CommandHints
                      hints={[
                        {
                          cli: `innkeeper cluster node-access remove ${cluster.name}`,
                          method: 'DELETE',
                          path: `/api/v1/clusters/${cluster.id}/node-access`,
                        },
                      ]}
                    />
                  ),
                  act: () => removeNodeAccess({ path }).then(() => refetch('getNodeAccess')),
                })
              }
            >
              {t.common.remove}
            </CanButton>
          )}
          <CanButton
            variant={access ? 'default' : 'light'}
            why={why}
            onClick={() =>
              modals.open({
                title: words.title,
                size: 'lg',
                children: <DoorsDialog cluster={cluster} access={access} onDone={() => modals.closeAll()} />,
              })
            }
          >
            {access ? t.common.edit : words.set}
          </CanButton>
        </>
      }
    >
      {none ? (
        <Text size="sm" c="dimmed">
          {words.none}
        </Text>
      ) : (
        <Answered query={query} lines={3}>
          {(found) => (
            <Stack gap="sm">
              <Text size="sm">
                {words.line} <When at={found.changed_at} />
              </Text>
              <Code block fz="xs" style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
                {found.authorized_keys}
              </Code>
              <Copy text={found.authorized_keys} />
              {Object.entries(found.nodes).map(([name, door]) => (
                <Group key={name} justify="space-between" className="line" py={6}>
                  <Text size="sm" fw={550}>
                    {name}
                  </Text>
                  <Code>
                    {found.user}@{door.address}
                  </Code>
                </Group>
              ))}
            </Stack>
          )}
        </Answered>
      )}
    </Section>
  )
}

function DoorsDialog({ cluster, access, onDone }: { cluster: Cluster; access?: NodeAccess; onDone: () => void }) {
  const t = useT()
  const words = t.admin.clusters.doors
  const nodes = useQuery(listNodesOptions({ path: { id: cluster.id }, query: { limit: 200 } }))
  const [user, setUser] = useState(access?.user ?? 'root')
  const [doors, setDoors] = useState(access?.nodes ?? {})
  const [renew, setRenew] = useState(false)
  const given = Object.fromEntries(Object.entries(doors).filter(([, door]) => door.address && door.host_key))
  const body = { user, nodes: given, ...(renew ? { new_key: true } : {}) }
  const set = (name: string, changed: { address?: string; host_key?: string }) =>
    setDoors((before) => ({ ...before, [name]: { address: '', host_key: '', ...before[name], ...changed } }))
  return (
    <DialogForm
      about={words.setAbout}
      label={t.common.save}
      disabled={Object.keys(given).length === 0}
      onCancel={onDone}
      hints={[{ method: 'PUT', path: `/api/v1/clusters/${cluster.id}/node-access`, body }]}
      submit={() =>
        setNodeAccess({ path: { id: cluster.id }, body }).then(() => {
          void refetch('getNodeAccess')
          onDone()
        })
      }
    >
      <TextInput label={words.user} value={user} onChange={(event) => setUser(event.currentTarget.value)} />
      <Answered query={nodes} lines={3}>
        {({ items }) =>
          items.map((node) => (
            <Group key={node.name} grow align="flex-start">
              <TextInput
                label={words.address(node.name)}
                placeholder="192.0.2.10:22"
                value={doors[node.name]?.address ?? ''}
                onChange={(event) => set(node.name, { address: event.currentTarget.value.trim() })}
              />
              <TextInput
                label={words.hostKey(node.name)}
                placeholder="ssh-ed25519 AAAA…"
                value={doors[node.name]?.host_key ?? ''}
                onChange={(event) => set(node.name, { host_key: event.currentTarget.value.trim() })}
              />
            </Group>
          ))
        }
      </Answered>
      {access && (
        <Checkbox label={words.newKey} checked={renew} onChange={(event) => setRenew(event.currentTarget.checked)} />
      )}
    </DialogForm>
  )
}
