import { Button, Group, Stack, Text } from '@mantine/core'
import { type Project, refetch } from '~/api'
import { listInvitations, revokeInvitation } from '~/api/gen/sdk.gen'
import { usePages } from '~/api/pages'
import { confirm } from '~/components/confirm'
import { When } from '~/components/When'
import { useT } from '~/i18n'

/** Invitations to a project that nobody has answered yet. */
export function Invitations({ project }: { project: Project }) {
  const t = useT()
  const words = t.projects
  const list = usePages('listInvitations', project.id, (asked, signal) =>
    listInvitations({ path: { id: project.id }, query: asked, signal }),
  )
  if (!list.items?.length) return null
  return (
    <Stack gap={0} mt="md">
      <Text size="sm" fw={600} mb={4}>
        {words.invitations}
      </Text>
      {list.items.map((one) => (
        <Group key={one.id} justify="space-between" py={8} className="line">
          <Text size="sm">
            {one.email}
            <Text span c="dimmed" size="sm" ml={8}>
              {words.memberships[one.membership]} · {words.expires} <When at={one.expires_at} />
            </Text>
          </Text>
          <Button
            size="xs"
            variant="default"
            onClick={() =>
              confirm({
                title: words.revoke,
                body: one.email,
                label: words.revoke,
                act: async () =>
                  revokeInvitation({ path: { id: project.id, invitation_id: one.id } }).then(() =>
                    refetch('listInvitations'),
                  ),
              })
            }
          >
            {words.revoke}
          </Button>
        </Group>
      ))}
    </Stack>
  )
}
