import {
  Button,
  Code,
  Group,
  NumberInput,
  Select,
  SimpleGrid,
  Stack,
  Switch,
  TagsInput,
  Text,
  TextInput,
} from '@mantine/core'
import { useForm } from '@mantine/form'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import { useState } from 'react'
import { type Instance, listSharesOptions, refetch, type ShareRight } from '~/api'
import {
  forgetHostKey,
  releaseInstance,
  repriceInstance,
  shareInstance,
  unshareInstance,
  updateInstance,
} from '~/api/gen/sdk.gen'
import { freshInstance } from '~/app/live'
import { CanButton } from '~/components/Can'
import { CommandHints } from '~/components/CommandHints'
import { confirm } from '~/components/confirm'
import { Section } from '~/components/Section'
import { Answered } from '~/components/states'
import { type Doable, settle, useInstanceActions } from '~/features/instances/actions'
import { SizeText } from '~/features/instances/SizeText'
import { useInstance } from '~/features/instances/useInstance'
import { useT } from '~/i18n'
import { useAct } from '~/lib/act'
import { MICROS } from '~/lib/format'
import { useIsAdmin, useIsStaff, useMayChange } from '~/lib/me'
import { atField, useProblemText, useReason } from '~/lib/problems'

export const Route = createFileRoute('/_app/instances/$id/settings')({ component: SettingsTab })

function SettingsTab() {
  const t = useT()
  const words = t.instances.settings
  const instance = useInstance()
  const actions = useInstanceActions(instance)
  const staff = useIsStaff()
  const admin = useIsAdmin()
  const mayNot = useMayChange(instance.project_id)
  const pick = (...ids: string[]) => actions.filter((one) => ids.includes(one.id))
  const forget = useAct(() => forgetHostKey({ path: { id: instance.id } }), { done: t.instances.hostKeyForgotten })
  return (
    <Stack>
      <General instance={instance} />
      <Section title={words.size} about={<SizeText size={instance.size} />} action={<Do actions={pick('resize')} />} />
      <Section title={words.access} action={<Do actions={pick('password', 'keys')} />}>
        <Group justify="space-between" gap="sm">
          <div style={{ flex: '1 1 260px' }}>
            <Text size="sm" fw={500}>
              {t.instances.hostKey}
            </Text>
            <Text size="sm" c="dimmed">
              {t.instances.hostKeyHint}
            </Text>
          </div>
          <CanButton variant="default" why={mayNot} loading={forget.isPending} onClick={() => forget.mutate(undefined)}>
            {t.instances.hostKeyForget}
          </CanButton>
        </Group>
      </Section>
      <Section title={words.media} action={<Do actions={pick('disc', 'rescue', 'unrescue')} />} />
      <Sharing instance={instance} />
      {admin && <Price instance={instance} />}
      <Section
        title={words.protection}
        about={words.protectionAbout}
        action={<Do actions={pick('protect', 'unprotect')} />}
      />
      <Section
        title={words.danger}
        className="danger"
        action={
          <>
            <Do actions={pick('rebuild', 'recover', 'trash', 'delete')} />
            {staff && (
              <Button
                variant="light"
                color="red"
                onClick={() =>
                  confirm({
                    title: words.release,
                    body: words.releaseAbout,
                    label: words.release,
                    name: instance.name,
                    act: async () =>
                      releaseInstance({ path: { id: instance.id } }).then(() => freshInstance(instance.id)),
                  })
                }
              >
                {words.release}
              </Button>
            )}
          </>
        }
      />
    </Stack>
  )
}

function Do({ actions }: { actions: Doable[] }) {
  return actions.map((one) => (
    <CanButton
      key={one.id}
      variant={one.danger ? 'light' : 'default'}
      color={one.danger ? 'red' : undefined}
      why={one.why}
      onClick={one.run}
      leftSection={<one.icon size={16} aria-hidden />}
    >
      {one.label}
    </CanButton>
  ))
}

function General({ instance }: { instance: Instance }) {
  const t = useT()
  const words = t.instances.settings
  const text = useProblemText()
  const reason = useReason()
  const mayNot = useMayChange(instance.project_id)
  const form = useForm({ initialValues: { name: instance.name, tags: instance.tags, onboot: instance.onboot } })
  const changed = {
    ...(form.values.name !== instance.name ? { name: form.values.name } : {}),
    ...(form.values.tags.join() !== instance.tags.join() ? { tags: form.values.tags } : {}),
    ...(form.values.onboot !== instance.onboot ? { onboot: form.values.onboot } : {}),
  }
  const save = useAct(() => updateInstance({ path: { id: instance.id }, body: changed }), {
    done: t.common.saved,
    onDone: (operation) => settle(operation, instance.id),
    quiet: true,
  })
  const why = mayNot ?? reason(instance.actions.find((one) => one.action === 'update'))
  return (
    <Section title={words.general}>
      <form
        onSubmit={form.onSubmit(() =>
          save.mutate(undefined, { onError: (error) => void atField(form, error, text(error)) }),
        )}
      >
        <Stack>
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            <TextInput label={words.name} description={t.instances.nameHint} {...form.getInputProps('name')} />
            <TagsInput label={words.tags} description={words.tagsHint} {...form.getInputProps('tags')} />
          </SimpleGrid>
          <Switch label={words.onboot} {...form.getInputProps('onboot', { type: 'checkbox' })} />
          <CommandHints
            hints={[
              {
                cli: `innkeeper instance update ${instance.name}${changed.name ? ` --name ${changed.name}` : ''}${(changed.tags ?? []).map((tag) => ` --tag ${tag}`).join('')}`,
                method: 'PATCH',
                path: `/api/v1/instances/${instance.id}`,
                body: changed,
              },
            ]}
          />
          <Group justify="flex-end">
            <CanButton type="submit" why={why} loading={save.isPending} disabled={Object.keys(changed).length === 0}>
              {words.save}
            </CanButton>
          </Group>
        </Stack>
      </form>
    </Section>
  )
}

function Sharing({ instance }: { instance: Instance }) {
  const t = useT()
  const words = t.instances.settings
  const mayNot = useMayChange(instance.project_id)
  const query = useQuery(listSharesOptions({ path: { id: instance.id } }))
  const [project, setProject] = useState('')
  const [right, setRight] = useState<ShareRight>('see')
  const again = () => void refetch('listShares')
  const share = useAct(
    () => shareInstance({ path: { id: instance.id, project_id: project.trim() }, body: { right } }),
    {
      onDone: () => {
        again()
        setProject('')
      },
    },
  )
  return (
    <Section title={words.sharing} about={words.sharingAbout}>
      <Stack>
        <Answered query={query} lines={1}>
          {(shares) =>
            shares.length === 0 ? (
              <Text size="sm" c="dimmed">
                {words.notShared}
              </Text>
            ) : (
              shares.map((one) => (
                <Group key={one.project_id} justify="space-between" gap="xs">
                  <Code style={{ overflowWrap: 'anywhere' }}>{one.project_id}</Code>
                  <Group gap="xs">
                    <Text size="sm">
                      {words.right} {words.rights[one.right]}
                    </Text>
                    <Button
                      size="xs"
                      variant="default"
                      onClick={() =>
                        confirm({
                          title: words.unshare,
                          body: one.project_id,
                          label: words.unshare,
                          act: () =>
                            unshareInstance({ path: { id: instance.id, project_id: one.project_id } }).then(again),
                        })
                      }
                    >
                      {words.unshare}
                    </Button>
                  </Group>
                </Group>
              ))
            )
          }
        </Answered>
        <form
          onSubmit={(event) => {
            event.preventDefault()
            if (project.trim()) share.mutate(undefined)
          }}
        >
          <Group align="flex-end" gap="sm">
            <TextInput
              flex="1 1 220px"
              label={words.shareWith}
              placeholder="prj_…"
              value={project}
              onChange={(event) => setProject(event.currentTarget.value)}
            />
            <Select
              w={150}
              label={words.right}
              allowDeselect={false}
              data={(['see', 'use'] as const).map((value) => ({ value, label: words.rights[value] }))}
              value={right}
              onChange={(value) => setRight(value as ShareRight)}
            />
            <CanButton type="submit" why={mayNot} variant="default" loading={share.isPending}>
              {words.share}
            </CanButton>
          </Group>
        </form>
      </Stack>
    </Section>
  )
}

/** For administrators: a price of its own. */
function Price({ instance }: { instance: Instance }) {
  const t = useT()
  const words = t.instances.settings
  const [running, setRunning] = useState<number | string>(instance.rate.running_micros / MICROS)
  const [stopped, setStopped] = useState<number | string>(instance.rate.stopped_micros / MICROS)
  const set = useAct(
    (own: boolean) =>
      repriceInstance({
        path: { id: instance.id },
        body: own
          ? {
              rate: {
                running_micros: Math.round(Number(running) * MICROS),
                stopped_micros: Math.round(Number(stopped) * MICROS),
              },
            }
          : {},
      }),
    { done: t.common.saved, onDone: () => void freshInstance(instance.id) },
  )
  return (
    <Section title={words.price} about={words.priceAbout}>
      <Group align="flex-end" gap="sm">
        <NumberInput
          flex="1 1 160px"
          label={words.priceRunning}
          min={0}
          step={0.001}
          decimalScale={6}
          value={running}
          onChange={setRunning}
        />
        <NumberInput
          flex="1 1 160px"
          label={words.priceStopped}
          min={0}
          step={0.001}
          decimalScale={6}
          value={stopped}
          onChange={setStopped}
        />
        <Button variant="default" loading={set.isPending} onClick={() => set.mutate(true)}>
          {words.priceSet}
        </Button>
        <Button variant="subtle" color="gray" onClick={() => set.mutate(false)}>
          {words.priceList}
        </Button>
      </Group>
    </Section>
  )
}
