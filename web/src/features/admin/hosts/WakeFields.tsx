import {
  Checkbox,
  PasswordInput,
  SegmentedControl,
  Select,
  SimpleGrid,
  Stack,
  Text,
  Textarea,
  TextInput,
} from '@mantine/core'
import { IconLock } from '@tabler/icons-react'
import type { HostSecretsSet } from '~/api'
import { Section } from '~/components/Section'
import { useT } from '~/i18n'
import { below, type Form } from './ProfileFields'
import type { WakeBy } from './profile'

const ways: WakeBy[] = ['none', 'packet', 'cluster', 'webhook']

/** How a host is woken, and what is secret about it. */
export function WakeFields({ form, secrets }: { form: Form; secrets?: HostSecretsSet | null }) {
  const words = useT().admin.hosts
  const { wake } = form.values
  return (
    <Section title={words.wakes}>
      <Stack>
        <div>
          <SegmentedControl
            className="scrolls"
            aria-label={words.wakes}
            data={ways.map((value) => ({ value, label: words.wake[value] }))}
            {...form.getInputProps('wake')}
          />
          <Text size="sm" c="dimmed" mt={6}>
            {words.wakeAbout[wake]}
          </Text>
        </div>
        {wake === 'packet' && <Packet form={form} />}
        {(wake === 'packet' || wake === 'webhook') && <Secrets form={form} secrets={secrets} />}
      </Stack>
    </Section>
  )
}

function Packet({ form }: { form: Form }) {
  const t = useT()
  const words = t.admin.hosts
  return (
    <SimpleGrid cols={{ base: 1, sm: 2 }}>
      <TextInput
        label={words.mac}
        description={words.macHint}
        inputWrapperOrder={below}
        placeholder="00:23:7d:fd:c0:5c"
        autoComplete="off"
        {...form.getInputProps('mac')}
      />
      <TextInput
        label={`${words.wakeAddress} (${t.common.optional})`}
        description={words.wakeAddressHint}
        inputWrapperOrder={below}
        placeholder="192.0.2.255"
        autoComplete="off"
        {...form.getInputProps('wake_address')}
      />
      <TextInput
        label={`${words.interface} (${t.common.optional})`}
        placeholder="eth0"
        autoComplete="off"
        {...form.getInputProps('interface')}
      />
      <TextInput label={words.wakePorts} {...form.getInputProps('ports')} />
    </SimpleGrid>
  )
}

function Secrets({ form, secrets }: { form: Form; secrets?: HostSecretsSet | null }) {
  const t = useT()
  const words = t.admin.hosts
  const { wake, forget } = form.values
  const set = wake === 'packet' ? secrets?.secure_on : secrets?.webhook
  return (
    <Stack gap="sm">
      <Text size="sm" c="dimmed" component="div">
        <IconLock size={14} aria-hidden style={{ verticalAlign: -2, marginRight: 6 }} />
        {words.secretsAbout}
        {secrets && ` ${set ? words.secretSet : words.secretNone}.`}
      </Text>
      {!forget && wake === 'packet' && (
        <PasswordInput
          label={`${words.secureOn} (${t.common.optional})`}
          placeholder={set ? '••••••' : '00:00:00:00:00:00'}
          autoComplete="off"
          {...form.getInputProps('secure_on')}
        />
      )}
      {!forget && wake === 'webhook' && (
        <>
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            <PasswordInput
              label={words.url}
              placeholder={set ? '••••••' : 'https://plug.example.org/on'}
              autoComplete="off"
              {...form.getInputProps('url')}
            />
            <Select
              label={words.method}
              allowDeselect={false}
              data={['POST', 'PUT', 'GET']}
              {...form.getInputProps('method')}
            />
          </SimpleGrid>
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            <Textarea
              className="mono"
              label={`${words.headers} (${t.common.optional})`}
              placeholder={words.headersHint}
              autosize
              minRows={2}
              spellCheck={false}
              {...form.getInputProps('headers')}
            />
            <Textarea
              className="mono"
              label={`${words.body} (${t.common.optional})`}
              placeholder={'{"on":true}'}
              autosize
              minRows={2}
              spellCheck={false}
              {...form.getInputProps('body')}
            />
          </SimpleGrid>
        </>
      )}
      {(secrets?.secure_on || secrets?.webhook) && (
        <Checkbox label={words.forget} {...form.getInputProps('forget', { type: 'checkbox' })} />
      )}
    </Stack>
  )
}
