import { Card, Grid, Group, Select, SimpleGrid, Stack, Text, Textarea, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import { useState } from 'react'
import { type Catalogue, getLeaseCatalogueOptions, type LeaseAsked } from '~/api'
import { quoteLease, rent } from '~/api/gen/sdk.gen'
import { CanButton } from '~/components/Can'
import { CommandHints } from '~/components/CommandHints'
import { Credits } from '~/components/Credits'
import { LinkBack } from '~/components/links'
import { PageHeader } from '~/components/PageHeader'
import { showSecret } from '~/components/SecretOnce'
import { Section } from '~/components/Section'
import { Answered, Failed } from '~/components/states'
import { sizeText } from '~/features/instances/SizeText'
import { TimeField } from '~/features/leases/TimeField'
import { useT } from '~/i18n'
import { useAct } from '~/lib/act'
import { useFormat } from '~/lib/format'
import { useHere, useMayChange } from '~/lib/me'
import { atField, useProblemText } from '~/lib/problems'
import { lines, shellWord } from '~/lib/words'

export const Route = createFileRoute('/_app/leases-new')({ component: RentPage })

function RentPage() {
  const t = useT()
  const query = useQuery({ ...getLeaseCatalogueOptions(), retry: false })
  return (
    <>
      <PageHeader
        title={t.leases.rentTitle}
        sub={t.leases.rentSub}
        back={<LinkBack to="/leases">{t.leases.title}</LinkBack>}
      />
      <Answered query={query}>{(catalogue) => <Rent catalogue={catalogue} />}</Answered>
    </>
  )
}

function Rent({ catalogue }: { catalogue: Catalogue }) {
  const t = useT()
  const f = useFormat()
  const words = t.leases
  const text = useProblemText()
  const navigate = Route.useNavigate()
  const { projectId, projects } = useHere()
  const [minutes, setMinutes] = useState(Math.max(60, catalogue.terms.least_minutes))
  const [error, setError] = useState<unknown>()
  const form = useForm({
    initialValues: {
      template: catalogue.templates[0]?.id ?? '',
      plan: catalogue.plans[0]?.id ?? '',
      name: '',
      project_id: projectId,
      ssh_keys: '',
      user_data: '',
    },
  })
  const { template, plan, name, project_id, ssh_keys, user_data } = form.values
  const mayNot = useMayChange(project_id)
  const body: LeaseAsked = {
    minutes,
    template,
    plan,
    project_id,
    pay_with: 'credits',
    ...(name.trim() ? { name: name.trim() } : {}),
    ...(ssh_keys.trim() ? { ssh_keys: lines(ssh_keys) } : {}),
    ...(user_data.trim() ? { user_data } : {}),
  }
  const { data: quote } = useQuery({
    queryKey: [{ _id: 'quoteLease', minutes, template, plan }],
    queryFn: async ({ signal }) => (await quoteLease({ body: { minutes, template, plan }, signal })).data,
    retry: false,
    placeholderData: (before) => before,
  })
  const buy = useAct(() => rent({ body }), {
    quiet: true,
    stale: ['listLeases', 'getBalance', 'getMe'],
    onDone: (ordered) => {
      if (ordered.token)
        showSecret({ title: words.token, secret: ordered.token, about: words.tokenAbout, close: t.common.savedIt })
      void navigate({ to: '/leases/$id', params: { id: ordered.order.lease_id } })
    },
  })
  const submit = form.onSubmit(() => {
    setError(undefined)
    buy.mutate(undefined, { onError: (refused) => atField(form, refused, text(refused)) || setError(refused) })
  })
  const chosen = catalogue.plans.find((one) => one.id === plan)
  return (
    <form onSubmit={submit} noValidate>
      <Grid gap="lg">
        <Grid.Col span={{ base: 12, lg: 8 }}>
          <Stack>
            {error !== undefined && <Failed error={error} />}
            <Section title={words.plan}>
              <Stack>
                <SimpleGrid cols={{ base: 1, sm: 2 }}>
                  <Select
                    label={words.template}
                    allowDeselect={false}
                    data={catalogue.templates.map((one) => ({ value: one.id, label: one.name }))}
                    {...form.getInputProps('template')}
                  />
                  <Select
                    label={words.plan}
                    allowDeselect={false}
                    data={catalogue.plans.map((one) => ({
                      value: one.id,
                      label: `${one.name} · ${sizeText(t, f, one.size)}`,
                    }))}
                    {...form.getInputProps('plan')}
                  />
                </SimpleGrid>
                <TimeField minutes={minutes} onChange={setMinutes} terms={catalogue.terms} />
              </Stack>
            </Section>
            <Section title={t.create.identity}>
              <Stack>
                <SimpleGrid cols={{ base: 1, sm: 2 }}>
                  <TextInput
                    label={words.name}
                    description={words.nameHint}
                    autoCapitalize="none"
                    {...form.getInputProps('name')}
                  />
                  <Select
                    label={words.project}
                    description={<>&nbsp;</>}
                    allowDeselect={false}
                    data={projects.map((one) => ({ value: one.id, label: one.name }))}
                    {...form.getInputProps('project_id')}
                  />
                </SimpleGrid>
                <Textarea
                  label={words.keys}
                  autosize
                  minRows={2}
                  maxRows={8}
                  className="mono"
                  {...form.getInputProps('ssh_keys')}
                />
                <Textarea
                  label={words.userData}
                  autosize
                  minRows={2}
                  maxRows={10}
                  className="mono"
                  placeholder="#!/bin/sh"
                  {...form.getInputProps('user_data')}
                />
              </Stack>
            </Section>
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, lg: 4 }}>
          <Card pos="sticky" top={72} component="aside" aria-label={words.cost}>
            <Text size="sm" c="dimmed">
              {words.cost}
            </Text>
            <Text fz={30} fw={650} aria-live="polite">
              {quote ? <Credits micros={quote.price_micros} exact /> : '…'}
            </Text>
            {quote && (
              <Stack gap={4} mt="sm">
                <Group justify="space-between">
                  <Text size="sm" c="dimmed">
                    {words.perHour}
                  </Text>
                  <Text size="sm" className="tnum">
                    {f.fine(quote.hourly_micros)}
                  </Text>
                </Group>
                <Group justify="space-between">
                  <Text size="sm" c="dimmed">
                    {words.base}
                  </Text>
                  <Text size="sm" className="tnum">
                    {f.fine(quote.base_micros)}
                  </Text>
                </Group>
              </Stack>
            )}
            <CanButton type="submit" fullWidth size="md" mt="lg" why={mayNot} loading={buy.isPending}>
              {words.buy}
            </CanButton>
            <div style={{ marginTop: 16 }}>
              <CommandHints
                hints={[
                  {
                    cli: `innkeeper lease rent --minutes ${minutes} --plan ${shellWord(chosen?.name ?? '')} --credits ${project_id}`,
                    path: '/api/v1/leases',
                    body,
                  },
                ]}
              />
            </div>
          </Card>
        </Grid.Col>
      </Grid>
    </form>
  )
}
