import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import { getDiscordSettingsOptions } from '~/api'
import { Answered } from '~/components/states'
import { SettingsForm } from '~/features/discord/SettingsForm'

export const Route = createFileRoute('/_app/admin/discord/')({ component: Settings })

function Settings() {
  const query = useQuery(getDiscordSettingsOptions())
  return (
    <Answered query={query} lines={8}>
      {(set) => <SettingsForm set={set} />}
    </Answered>
  )
}
