import { ActionIcon, Alert, Button, Checkbox, Code, Group, Stack, Text, TextInput } from '@mantine/core'
import { IconFingerprint, IconPlus, IconTrash } from '@tabler/icons-react'
import { useState } from 'react'
import type { Endpoint } from '~/api'
import { probeCluster } from '~/api/gen/sdk.gen'
import { useT } from '~/i18n'
import { useProblemText } from '~/lib/problems'

/** An endpoint as it is being entered: its certificate is looked at, then confirmed by whoever compared it. */
export type Entered = Endpoint & { key: number; confirmed: boolean }

let keys = 0
export const entered = (one?: Endpoint): Entered => ({
  key: keys++,
  url: one?.url ?? '',
  fingerprint: one?.fingerprint ?? null,
  confirmed: one !== undefined,
})

export const allConfirmed = (list: Entered[]) => list.length > 0 && list.every((one) => one.confirmed && one.url)
export const asEndpoints = (list: Entered[]): Endpoint[] =>
  list.map(({ url, fingerprint }) => ({ url, ...(fingerprint ? { fingerprint } : {}) }))

/** Where a cluster answers, and by which certificate it is known. */
export function Endpoints({ list, onChange }: { list: Entered[]; onChange: (list: Entered[]) => void }) {
  const t = useT()
  const words = t.admin.clusters
  const set = (key: number, changed: Partial<Entered>) =>
    onChange(list.map((one) => (one.key === key ? { ...one, ...changed } : one)))
  return (
    <Stack>
      {list.map((one, n) => (
        <One
          key={one.key}
          one={one}
          n={n}
          onChange={(changed) => set(one.key, changed)}
          onRemove={list.length > 1 ? () => onChange(list.filter((other) => other.key !== one.key)) : undefined}
        />
      ))}
      <Button
        variant="default"
        w="fit-content"
        size="xs"
        leftSection={<IconPlus size={14} aria-hidden />}
        onClick={() => onChange([...list, entered()])}
      >
        {words.addEndpoint}
      </Button>
    </Stack>
  )
}

function One({
  one,
  n,
  onChange,
  onRemove,
}: {
  one: Entered
  n: number
  onChange: (changed: Partial<Entered>) => void
  onRemove?: () => void
}) {
  const t = useT()
  const words = t.admin.clusters
  const text = useProblemText()
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<string>()
  const probe = async () => {
    setBusy(true)
    setError(undefined)
    try {
      const { data } = await probeCluster({ body: { url: one.url.trim() } })
      onChange({ url: data.url, fingerprint: data.fingerprint, confirmed: false })
    } catch (refused) {
      setError(text(refused))
    } finally {
      setBusy(false)
    }
  }
  return (
    <div>
      <Group align="flex-start" gap="xs" wrap="nowrap">
        <TextInput
          flex={1}
          label={words.endpoint(n + 1)}
          placeholder="https://pve1.example.org:8006"
          type="url"
          autoComplete="off"
          value={one.url}
          error={error}
          onChange={(event) => onChange({ url: event.currentTarget.value, fingerprint: null, confirmed: false })}
        />
        <Button mt={25} variant="default" onClick={probe} loading={busy} disabled={!one.url.trim()}>
          {words.look}
        </Button>
        {onRemove && (
          <ActionIcon
            mt={25}
            size={36}
            variant="subtle"
            color="gray"
            onClick={onRemove}
            aria-label={words.dropEndpoint(n + 1)}
          >
            <IconTrash size={16} />
          </ActionIcon>
        )}
      </Group>
      {one.fingerprint && (
        <Alert
          mt="sm"
          color={one.confirmed ? 'teal' : 'yellow'}
          className="notice"
          icon={<IconFingerprint aria-hidden />}
          title={words.fingerprint}
        >
          <Code block fz="xs" mb="xs" style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
            {one.fingerprint}
          </Code>
          <Text size="xs" mb="sm">
            {words.compare} <Code>openssl x509 -noout -fingerprint -sha256 -in /etc/pve/local/pve-ssl.pem</Code>
          </Text>
          <Checkbox
            label={words.compared}
            checked={one.confirmed}
            onChange={(event) => onChange({ confirmed: event.currentTarget.checked })}
          />
        </Alert>
      )}
    </div>
  )
}
