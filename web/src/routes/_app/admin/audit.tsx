import { Alert, Button, Code, Drawer, Group, Stack, Text, TextInput, UnstyledButton } from '@mantine/core'
import { modals } from '@mantine/modals'
import { IconCircleCheck, IconShieldCheck, IconShieldExclamation } from '@tabler/icons-react'
import { createFileRoute } from '@tanstack/react-router'
import { useState } from 'react'
import * as v from 'valibot'
import type { AuditEntry } from '~/api'
import { listAudit, verifyAudit } from '~/api/gen/sdk.gen'
import { usePages } from '~/api/pages'
import { DialogForm } from '~/components/DialogForm'
import { Facts } from '~/components/Facts'
import { PageHeader } from '~/components/PageHeader'
import { ResourceTable } from '~/components/ResourceTable'
import { Copy } from '~/components/SecretOnce'
import { Badge } from '~/components/StatusBadge'
import { Nothing } from '~/components/states'
import { When } from '~/components/When'
import { useProjectNames, useUserNames } from '~/features/admin/names'
import { useActionName } from '~/features/audit/useActionName'
import { useT } from '~/i18n'
import { useFormat } from '~/lib/format'
import { searched } from '~/lib/search'
import { useTyped } from '~/lib/typed'
import { shellWord } from '~/lib/words'

export const Route = createFileRoute('/_app/admin/audit')({
  validateSearch: v.object({
    action: v.optional(searched),
    object: v.optional(searched),
    user_id: v.optional(v.string()),
    project_id: v.optional(v.string()),
  }),
  component: Audit,
})

function Audit() {
  const t = useT()
  const words = t.admin.log
  const people = useUserNames()
  const search = Route.useSearch()
  const navigate = Route.useNavigate()
  const name = useActionName()
  const [open, setOpen] = useState<AuditEntry>()
  const asks = Object.fromEntries(Object.entries(search).filter(([, value]) => value)) as typeof search
  const list = usePages('listAudit', 'house', (asked, signal) => listAudit({ query: { ...asked, ...asks }, signal }), {
    filter: asks,
  })
  const set = (changed: typeof search) =>
    void navigate({ search: (before) => ({ ...before, ...changed }), replace: true })
  const filtered = Object.keys(asks).length > 0
  const doer = (one: AuditEntry) =>
    one.user_id ? (people.get(one.user_id) ?? one.user_id.slice(0, 12)) : t.audit.means[one.means]
  const who = (one: AuditEntry) => (
    <>
      {doer(one)}
      {one.impersonator && (
        <Text span size="xs" c="dimmed">
          {' '}
          {words.by(people.get(one.impersonator) ?? '')}
        </Text>
      )}
    </>
  )
  const outcome = (one: AuditEntry) => (
    <Badge tone={one.outcome === 'done' ? 'good' : 'bad'}>{t.audit.outcomes[one.outcome]}</Badge>
  )
  return (
    <>
      <PageHeader title={t.audit.title} sub={words.sub}>
        <Button
          variant="default"
          leftSection={<IconShieldCheck size={16} aria-hidden />}
          onClick={() => modals.open({ title: words.verify, size: 'lg', children: <Verify /> })}
        >
          {words.verify}
        </Button>
      </PageHeader>
      <Group mb="md" gap="sm">
        <Field
          label={words.action}
          placeholder="instance.start"
          value={search.action}
          onChange={(action) => set({ action })}
        />
        <Field label={words.object} placeholder="ins_…" value={search.object} onChange={(object) => set({ object })} />
        <Field label={words.user} placeholder="usr_…" value={search.user_id} onChange={(user_id) => set({ user_id })} />
        <Field
          label={words.project}
          placeholder="prj_…"
          value={search.project_id}
          onChange={(project_id) => set({ project_id })}
        />
      </Group>
      <ResourceTable
        label={t.audit.title}
        {...list.table}
        id={(one) => String(one.seq)}
        rowHeight={58}
        columns={[
          {
            key: 'action',
            title: t.audit.action,
            render: (one) => (
              <>
                <Action one={one} onOpen={setOpen} />
                <Text size="xs" c="dimmed" ff="monospace" truncate maw={300}>
                  {one.object}
                </Text>
              </>
            ),
          },
          { key: 'who', title: t.audit.who, render: (one) => <Text size="sm">{who(one)}</Text> },
          {
            key: 'means',
            title: t.audit.by,
            from: 'lg',
            render: (one) => <Text size="sm">{t.audit.means[one.means]}</Text>,
          },
          {
            key: 'address',
            title: t.audit.from,
            from: 'lg',
            render: (one) => (one.address ? <Code>{one.address}</Code> : '–'),
          },
          { key: 'outcome', title: t.audit.outcome, from: 'md', render: outcome },
          { key: 'when', title: t.common.when, right: true, render: (one) => <When at={one.at} size="sm" /> },
        ]}
        card={(one) => (
          <>
            <Group justify="space-between" wrap="nowrap">
              <Action one={one} onOpen={setOpen} />
              {outcome(one)}
            </Group>
            <Text size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
              {who(one)} · {one.object}
            </Text>
            <Text size="xs" c="dimmed">
              <When at={one.at} />
            </Text>
          </>
        )}
        empty={
          <Nothing
            icon={IconShieldCheck}
            title={t.audit.empty}
            unfilter={filtered && (() => void navigate({ search: {}, replace: true }))}
          />
        }
      />
      <Drawer
        opened={!!open}
        onClose={() => setOpen(undefined)}
        position="right"
        size="lg"
        title={open && name(open.action)}
      >
        {open && <Entry one={open} doer={doer(open)} />}
      </Drawer>
    </>
  )
}

function Action({ one, onOpen }: { one: AuditEntry; onOpen: (one: AuditEntry) => void }) {
  const name = useActionName()
  return (
    <UnstyledButton onClick={() => onOpen(one)} className="opens">
      <Text size="sm" fw={550} span>
        {name(one.action)}
      </Text>{' '}
      <Text size="xs" c="dimmed" ff="monospace" span>
        {one.action}
      </Text>
    </UnstyledButton>
  )
}

function Field({
  label,
  placeholder,
  value,
  onChange,
}: {
  label: string
  placeholder: string
  value: string | undefined
  onChange: (value: string | undefined) => void
}) {
  const typed = useTyped(value, onChange, 300)
  return (
    <TextInput
      flex="1 1 180px"
      maw={{ base: '100%', sm: 260 }}
      size="sm"
      label={label}
      placeholder={placeholder}
      {...typed}
    />
  )
}

function Entry({ one, doer }: { one: AuditEntry; doer: string }) {
  const t = useT()
  const f = useFormat()
  const words = t.admin.log
  const people = useUserNames()
  const projects = useProjectNames()
  const json = (value: unknown) => JSON.stringify(value, null, 2)
  return (
    <Stack>
      <Facts
        items={[
          [words.seq, one.seq],
          [words.action, <Code key="action">{one.action}</Code>],
          [t.common.when, f.exact(one.at)],
          [t.audit.who, doer],
          [words.actingFor, one.impersonator && people.get(one.impersonator)],
          [t.audit.by, t.audit.means[one.means]],
          [t.audit.from, one.address && <Code>{one.address}</Code>],
          [words.object, one.object && <Code>{one.object}</Code>],
          [words.project, one.project_id && projects.get(one.project_id)],
          [words.proof, one.proof_id && <Code>{one.proof_id}</Code>],
          [t.audit.outcome, t.audit.outcomes[one.outcome]],
        ]}
      />
      {one.before != null && (
        <div>
          <Text size="sm" fw={550} mb={4}>
            {words.before}
          </Text>
          <Code block tabIndex={0}>
            {json(one.before)}
          </Code>
        </div>
      )}
      {one.after != null && (
        <div>
          <Text size="sm" fw={550} mb={4}>
            {words.after}
          </Text>
          <Code block tabIndex={0}>
            {json(one.after)}
          </Code>
        </div>
      )}
    </Stack>
  )
}

/** Reads the whole chain of the log and says whether it is as it was written. */
function Verify() {
  const t = useT()
  const f = useFormat()
  const words = t.admin.log
  const [expect, setExpect] = useState('')
  const [found, setFound] = useState<Awaited<ReturnType<typeof verifyAudit>>['data']>()
  const asks = expect.trim() ? { expect: expect.trim() } : {}
  return (
    <DialogForm
      about={words.verifyAbout}
      label={words.verifyNow}
      hints={[
        {
          cli: 'innkeeper audit verify',
          method: 'GET',
          path: `/api/v1/audit/verification${asks.expect ? `?expect=${shellWord(asks.expect)}` : ''}`,
        },
      ]}
      submit={() => verifyAudit({ query: asks }).then(({ data }) => setFound(data))}
    >
      <TextInput
        label={words.expect}
        description={words.expectHint}
        value={expect}
        onChange={(event) => setExpect(event.currentTarget.value)}
      />
      {found && (
        <Stack gap="sm" role="status">
          <Alert
            className="notice"
            color={found.whole ? 'teal' : 'red'}
            icon={found.whole ? <IconCircleCheck aria-hidden /> : <IconShieldExclamation aria-hidden />}
            title={found.whole ? words.whole : words.broken}
          >
            {found.faults.map((fault) => (
              <Text key={fault} size="sm">
                {fault}
              </Text>
            ))}
            {found.whole && words.wholeHint}
          </Alert>
          <Facts
            items={[
              [words.entries, f.whole(found.entries)],
              [words.seals, f.whole(found.seals)],
              [words.unsealed, f.whole(found.unsealed)],
              [words.removed, f.whole(found.removed)],
            ]}
          />
          <div>
            <Text size="sm" fw={550} mb={4}>
              {words.head}
            </Text>
            <Code block mb="xs" style={{ overflowWrap: 'anywhere', whiteSpace: 'pre-wrap' }}>
              {found.head}
            </Code>
            <Copy text={found.head} />
          </div>
        </Stack>
      )}
    </DialogForm>
  )
}
