import {
  Checkbox,
  NumberInput,
  PasswordInput,
  SegmentedControl,
  Select,
  SimpleGrid,
  Stack,
  Switch,
  Text,
  Textarea,
  TextInput,
} from '@mantine/core'
import type { UseFormReturnType } from '@mantine/form'
import type { Ability } from '~/api'
import { Section } from '~/components/Section'
import { useT } from '~/i18n'
import { below } from '../hosts/ProfileFields'
import { scenes, type Typed } from './settings'

export type Form = UseFormReturnType<Typed>
const abilities = ['see', 'restart'] as const satisfies Ability[]
const ways = ['forward', 'transfer'] as const

/** Everything about how a service is looked after, but what it is and where it runs. */
export function ServiceFields({ form, known }: { form: Form; known?: boolean }) {
  const t = useT()
  const words = t.admin.services
  const { values } = form
  return (
    <>
      <Section title={words.reach}>
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <TextInput
            label={values.place === 'instance' ? `${words.address} (${t.common.optional})` : words.address}
            description={values.place === 'instance' ? words.addressInstance : words.addressNeeded}
            inputWrapperOrder={below}
            placeholder="192.0.2.20"
            autoComplete="off"
            {...form.getInputProps('address')}
          />
          <TextInput
            label={`${words.joinAddress} (${t.common.optional})`}
            description={words.joinAddressHint}
            inputWrapperOrder={below}
            placeholder="play.inn.example"
            autoComplete="off"
            {...form.getInputProps('join_address')}
          />
          <NumberInput label={words.port} min={1} max={65_535} {...form.getInputProps('port')} />
          {values.kind === 'http' && (
            <TextInput
              label={`${words.path} (${t.common.optional})`}
              description={words.pathHint}
              inputWrapperOrder={below}
              placeholder="/health"
              {...form.getInputProps('path')}
            />
          )}
        </SimpleGrid>
      </Section>
      <Section title={words.times}>
        <Stack>
          <Switch
            label={words.rests}
            description={words.restsHint}
            {...form.getInputProps('rests', { type: 'checkbox' })}
          />
          <SimpleGrid cols={{ base: 1, xs: 2, sm: 3 }}>
            <NumberInput
              label={words.ready}
              suffix={` ${words.seconds}`}
              min={1}
              max={300}
              {...form.getInputProps('ready_seconds')}
            />
            <NumberInput
              label={words.warn}
              suffix={` ${words.seconds}`}
              min={0}
              max={600}
              {...form.getInputProps('warn_seconds')}
            />
            <Select
              label={words.language}
              allowDeselect={false}
              data={(['en', 'fr'] as const).map((value) => ({ value, label: words.languages[value] }))}
              {...form.getInputProps('language')}
            />
          </SimpleGrid>
        </Stack>
      </Section>
      <Console form={form} known={known} />
      <Door form={form} />
      <Section title={words.users} about={words.usersAbout}>
        <Checkbox.Group
          aria-label={words.users}
          value={values.users_may}
          onChange={(next) =>
            form.setFieldValue(
              'users_may',
              abilities.filter((one) => next.includes(one)),
            )
          }
        >
          <Stack gap="xs">
            {abilities.map((one) => (
              <Checkbox key={one} value={one} label={words.abilities[one]} />
            ))}
          </Stack>
        </Checkbox.Group>
      </Section>
    </>
  )
}

function Console({ form, known }: { form: Form; known?: boolean }) {
  const words = useT().admin.services
  return (
    <Section title={words.rcon} about={words.rconAbout}>
      <Stack>
        <Switch label={words.rconOn} {...form.getInputProps('rcon', { type: 'checkbox' })} />
        {form.values.rcon && (
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            <NumberInput label={words.rconPort} min={1} max={65_535} {...form.getInputProps('rcon_port')} />
            <PasswordInput
              label={words.rconPassword}
              description={words.rconHint}
              inputWrapperOrder={below}
              placeholder={known ? '••••••' : undefined}
              autoComplete="off"
              {...form.getInputProps('rcon_password')}
            />
          </SimpleGrid>
        )}
      </Stack>
    </Section>
  )
}

/** Who answers while it sleeps. */
function Door({ form }: { form: Form }) {
  const t = useT()
  const words = t.admin.services
  const { kind, doorman, way, texts } = form.values
  const can = kind === 'minecraft_java'
  return (
    <Section title={words.doorman} about={words.doormanAbout}>
      <Stack>
        <Switch
          label={words.doormanOn}
          description={can ? undefined : words.doormanOnly}
          disabled={!can}
          {...form.getInputProps('doorman', { type: 'checkbox' })}
        />
        {doorman && can && (
          <>
            <SimpleGrid cols={{ base: 1, sm: 2 }}>
              <TextInput
                label={words.listen}
                description={words.listenHint}
                inputWrapperOrder={below}
                placeholder="0.0.0.0:25565"
                autoComplete="off"
                {...form.getInputProps('listen')}
              />
              <TextInput
                label={`${words.players} (${t.common.optional})`}
                description={words.playersHint}
                inputWrapperOrder={below}
                placeholder="Grace Linus"
                autoComplete="off"
                {...form.getInputProps('players')}
              />
            </SimpleGrid>
            <div>
              <Text size="sm" fw={500} mb={4}>
                {words.way}
              </Text>
              <SegmentedControl
                className="scrolls"
                aria-label={words.way}
                data={ways.map((value) => ({ value, label: words.ways[value] }))}
                {...form.getInputProps('way')}
              />
              <Text size="sm" c="dimmed" mt={6}>
                {words.wayAbout[way]}
              </Text>
            </div>
            <Checkbox
              label={words.proxy}
              description={words.proxyHint}
              {...form.getInputProps('proxy_protocol', { type: 'checkbox' })}
            />
            <div>
              <Text size="sm" fw={500}>
                {words.texts}
              </Text>
              <Text size="sm" c="dimmed" mb="xs">
                {words.textsHint}
              </Text>
              <SimpleGrid cols={{ base: 1, sm: 2 }}>
                {scenes.map((scene) => (
                  <Textarea
                    key={scene}
                    label={words.scenes[scene]}
                    autosize
                    minRows={1}
                    maxLength={300}
                    value={texts[scene] ?? ''}
                    onChange={(event) => form.setFieldValue('texts', { ...texts, [scene]: event.currentTarget.value })}
                  />
                ))}
              </SimpleGrid>
            </div>
          </>
        )}
      </Stack>
    </Section>
  )
}
