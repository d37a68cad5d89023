import { List, Stack } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import { getNotificationsOptions } from '~/api'
import { PageHeader } from '~/components/PageHeader'
import { Section } from '~/components/Section'
import { Answered } from '~/components/states'
import { NotificationChoices } from '~/features/account/NotificationChoices'
import { useT } from '~/i18n'

export const Route = createFileRoute('/_app/account/notifications')({ component: NotificationsPage })

function NotificationsPage() {
  const words = useT().account.notifications
  const query = useQuery(getNotificationsOptions())
  return (
    <>
      <PageHeader title={words.title} sub={words.sub} />
      <Stack>
        <Section title={words.choose} about={words.chooseAbout}>
          <Answered query={query} lines={6}>
            {(found) => <NotificationChoices found={found} />}
          </Answered>
        </Section>
        <Section title={words.always} about={words.alwaysAbout}>
          <List size="sm" spacing={6}>
            {words.alwaysKinds.map((what) => (
              <List.Item key={what}>{what}</List.Item>
            ))}
          </List>
        </Section>
      </Stack>
    </>
  )
}
