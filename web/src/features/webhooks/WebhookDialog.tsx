import { Checkbox, Radio, Stack, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useState } from 'react'
import type { Subject, Webhook } from '~/api'
import { refetch } from '~/api'
import { changeWebhook, createWebhook } from '~/api/gen/sdk.gen'
import { DialogForm } from '~/components/DialogForm'
import { SecretOnce } from '~/components/SecretOnce'
import { useT } from '~/i18n'
import { atField } from '~/lib/problems'
import { shellWord } from '~/lib/words'

/** What happens to projects; the rest is the house's own. */
const offered: Subject[] = ['instance', 'operation', 'project', 'lease', 'service']

/** A new webhook, or what is changed of one. */
export function WebhookDialog({
  projectId,
  webhook,
  onDone,
}: {
  projectId: string
  webhook?: Webhook
  onDone: () => void
}) {
  const t = useT()
  const words = t.webhooks
  const [secret, setSecret] = useState<string>()
  const form = useForm({
    initialValues: {
      name: webhook?.name ?? '',
      url: webhook?.url ?? '',
      all: webhook ? webhook.subjects.length === 0 : true,
      subjects: webhook?.subjects ?? ([] as Subject[]),
    },
    validate: {
      name: (name) => (name.trim() ? null : t.common.required),
      url: (url) => (url.trim() ? null : t.common.required),
      subjects: (subjects, { all }) => (all || subjects.length ? null : words.choose),
    },
  })
  const { name, url, all, subjects } = form.values
  const body = { name: name.trim(), url: url.trim(), subjects: all ? [] : subjects }
  if (secret)
    return (
      <DialogForm label={t.common.savedIt} submit={async () => onDone()}>
        <SecretOnce secret={secret} about={words.secretAbout} />
      </DialogForm>
    )
  const flags = body.subjects.map((one) => ` --subject ${one}`).join('')
  const hint = webhook
    ? {
        cli: `innkeeper webhook change ${webhook.id} --name ${shellWord(body.name)} --address ${shellWord(body.url)}${flags || ' --subject all'}`,
        method: 'PATCH' as const,
        path: `/api/v1/webhooks/${webhook.id}`,
        body,
      }
    : {
        cli: `innkeeper webhook create ${projectId} ${shellWord(body.name || 'deploy')} ${shellWord(body.url || 'https://…')}${flags}`,
        path: `/api/v1/projects/${projectId}/webhooks`,
        body,
      }
  const save = async () => {
    if (webhook) {
      await changeWebhook({ path: { id: webhook.id }, body })
      await refetch('getWebhook', 'listWebhooks')
      return onDone()
    }
    const { data } = await createWebhook({ path: { id: projectId }, body })
    void refetch('listWebhooks')
    if (data.secret) setSecret(data.secret)
    else onDone()
  }
  return (
    <DialogForm
      label={webhook ? t.common.save : words.create}
      onCancel={onDone}
      hints={[hint]}
      onRefused={(error, text) => atField(form, error, text)}
      submit={() => !form.validate().hasErrors && save()}
    >
      <TextInput data-autofocus label={words.name} placeholder="deploy" {...form.getInputProps('name')} />
      <TextInput
        label={words.url}
        description={words.urlHint}
        placeholder="https://hooks.example/in"
        type="url"
        inputMode="url"
        autoComplete="off"
        spellCheck={false}
        className="mono"
        {...form.getInputProps('url')}
      />
      <Radio.Group
        label={words.subjects}
        value={all ? 'all' : 'some'}
        onChange={(value) => form.setFieldValue('all', value === 'all')}
      >
        <Stack gap={8} mt={6}>
          <Radio value="all" label={words.everything} />
          <Radio value="some" label={words.some} />
        </Stack>
      </Radio.Group>
      {!all && (
        <Checkbox.Group aria-label={words.some} {...form.getInputProps('subjects')}>
          <Stack gap={8} pl="lg">
            {offered.map((one) => (
              <Checkbox key={one} value={one} label={words.subjectNames[one]} description={words.subjectHints[one]} />
            ))}
          </Stack>
        </Checkbox.Group>
      )}
    </DialogForm>
  )
}
