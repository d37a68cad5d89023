import { Checkbox, NumberInput, SimpleGrid, Stack, Switch, Text, Textarea, TextInput } from '@mantine/core'
import type { UseFormReturnType } from '@mantine/form'
import type { Ability, HostSecretsSet } from '~/api'
import { Section } from '~/components/Section'
import { useT } from '~/i18n'
import type { Typed } from './profile'
import { WakeFields } from './WakeFields'
import { Windows } from './Windows'

export type HostForm = Typed & { name: string; cluster_id: string; node: string }
export type Form = UseFormReturnType<HostForm>

export const below: ('label' | 'input' | 'description' | 'error')[] = ['label', 'input', 'description', 'error']
const abilities: Ability[] = ['see', 'wake', 'sleep', 'restart', 'maintain', 'report']

/** Everything about how a host is looked after. */
export function ProfileFields({ form, secrets }: { form: Form; secrets?: HostSecretsSet | null }) {
  const t = useT()
  const words = t.admin.hosts
  return (
    <>
      <WakeFields form={form} secrets={secrets} />
      <Section title={words.reach} about={words.reachAbout}>
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <TextInput
            label={`${words.address} (${t.common.optional})`}
            description={words.addressHint}
            inputWrapperOrder={below}
            placeholder="192.0.2.10"
            autoComplete="off"
            {...form.getInputProps('address')}
          />
          <NumberInput
            label={`${words.port} (${t.common.optional})`}
            min={1}
            max={65_535}
            placeholder="22"
            {...form.getInputProps('port')}
          />
        </SimpleGrid>
      </Section>
      <Sleeps form={form} />
      <Section title={words.windows} about={words.windowsAbout}>
        <Windows
          list={form.values.windows}
          onChange={(windows) => form.setFieldValue('windows', windows)}
          error={form.errors.windows}
        />
      </Section>
      <Fallback form={form} />
      <Section title={words.users} about={words.usersAbout}>
        <Checkbox.Group
          aria-label={words.users}
          value={form.values.users_may}
          onChange={(next) =>
            form.setFieldValue(
              'users_may',
              abilities.filter((one) => next.includes(one)),
            )
          }
        >
          <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="xs">
            {abilities.map((one) => (
              <Checkbox key={one} value={one} label={words.abilities[one]} />
            ))}
          </SimpleGrid>
        </Checkbox.Group>
      </Section>
    </>
  )
}

function Sleeps({ form }: { form: Form }) {
  const t = useT()
  const words = t.admin.hosts
  const times = [
    ['idle_seconds', words.idle, 30, 86_400],
    ['countdown_seconds', words.countdown, 10, 3600],
    ['startup_seconds', words.startup, 10, 3600],
    ['shutdown_seconds', words.shutdown, 30, 3600],
    ['guest_seconds', words.guest, 5, 1800],
  ] as const
  return (
    <Section title={words.sleeps}>
      <Stack>
        <Switch
          label={words.automatic}
          description={words.automaticHint}
          {...form.getInputProps('automatic', { type: 'checkbox' })}
        />
        <SimpleGrid cols={{ base: 2, sm: 3 }}>
          {times.map(([name, label, min, max]) => (
            <NumberInput
              key={name}
              label={label}
              suffix={` ${words.seconds}`}
              min={min}
              max={max}
              clampBehavior="none"
              {...form.getInputProps(name)}
            />
          ))}
          <NumberInput
            label={`${words.watts} (${t.common.optional})`}
            description={words.wattsHint}
            inputWrapperOrder={below}
            suffix=" W"
            min={0}
            {...form.getInputProps('watts')}
          />
        </SimpleGrid>
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <TextInput
            label={`${words.mayStop} (${t.common.optional})`}
            description={words.mayStopHint}
            inputWrapperOrder={below}
            placeholder="105 106"
            {...form.getInputProps('may_stop')}
          />
          <TextInput
            label={`${words.voice} (${t.common.optional})`}
            description={words.voiceHint}
            inputWrapperOrder={below}
            {...form.getInputProps('voice_channels')}
          />
        </SimpleGrid>
        <Checkbox
          label={words.ignoresQuorum}
          description={words.ignoresQuorumHint}
          {...form.getInputProps('ignores_quorum', { type: 'checkbox' })}
        />
      </Stack>
    </Section>
  )
}

function Fallback({ form }: { form: Form }) {
  const words = useT().admin.hosts
  return (
    <Section title={words.fallback} about={words.fallbackAbout}>
      <Stack>
        <Switch label={words.fallbackOn} {...form.getInputProps('ssh', { type: 'checkbox' })} />
        {form.values.ssh && (
          <>
            <SimpleGrid cols={{ base: 1, sm: 2 }}>
              <TextInput label={words.sshUser} autoComplete="off" {...form.getInputProps('user')} />
              <NumberInput label={words.sshPort} min={1} max={65_535} {...form.getInputProps('ssh_port')} />
            </SimpleGrid>
            <Textarea
              className="mono"
              label={words.hostKey}
              description={
                <Text span inherit style={{ overflowWrap: 'anywhere' }}>
                  {words.hostKeyHint}
                </Text>
              }
              inputWrapperOrder={below}
              placeholder="ssh-ed25519 AAAA…"
              autosize
              minRows={2}
              spellCheck={false}
              {...form.getInputProps('host_key')}
            />
          </>
        )}
      </Stack>
    </Section>
  )
}
