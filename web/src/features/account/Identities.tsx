import { Button, Group, Stack, Text } from '@mantine/core'
import { modals } from '@mantine/modals'
import { useQuery } from '@tanstack/react-query'
import { listProvidersOptions, refetch } from '~/api'
import { beginLink, listIdentities, unlink } from '~/api/gen/sdk.gen'
import { usePages } from '~/api/pages'
import { Section } from '~/components/Section'
import { When } from '~/components/When'
import { useT } from '~/i18n'
import { askAgain } from './AgainDialog'

/** Accounts elsewhere with which one signs in here. */
export function Identities() {
  const t = useT()
  const words = t.account.security
  const { data: providers } = useQuery({ ...listProvidersOptions(), staleTime: 300_000 })
  const list = usePages('listIdentities', undefined, (asked, signal) => listIdentities({ query: asked, signal }))
  if (!providers?.items.length && !list.items?.length) return null
  const title = (name: string) => providers?.items.find((one) => one.name === name)?.title ?? name
  const linked = new Set(list.items?.map((one) => one.provider))
  return (
    <Section title={words.identities} about={words.identitiesAbout}>
      <Stack gap="xs">
        {list.items?.length === 0 && (
          <Text size="sm" c="dimmed">
            {words.identitiesNone}
          </Text>
        )}
        {list.items?.map((one) => (
          <Group key={one.provider} justify="space-between">
            <div>
              <Text size="sm" fw={550}>
                {title(one.provider)}
              </Text>
              <Text size="xs" c="dimmed">
                {one.email} · {words.lastUsed} <When at={one.last_used_at} />
              </Text>
            </div>
            <Button
              size="xs"
              variant="default"
              onClick={() =>
                askAgain({
                  title: words.unlinkTitle(title(one.provider)),
                  about: words.unlinkBody,
                  label: words.unlink,
                  danger: true,
                  act: async (body) => {
                    await unlink({ path: { provider: one.provider }, body })
                    void refetch('listIdentities')
                    modals.closeAll()
                  },
                })
              }
            >
              {words.unlink}
            </Button>
          </Group>
        ))}
        <Group gap="xs">
          {providers?.items
            .filter((one) => !linked.has(one.name))
            .map((one) => (
              <Button
                key={one.name}
                variant="default"
                onClick={() =>
                  askAgain({
                    title: words.link(one.title),
                    label: words.link(one.title),
                    act: async (again) => {
                      const { data } = await beginLink({
                        path: { provider: one.name },
                        body: { ...again, return_to: '/account/security' },
                      })
                      location.assign(data.url)
                    },
                  })
                }
              >
                {words.link(one.title)}
              </Button>
            ))}
        </Group>
      </Stack>
    </Section>
  )
}
