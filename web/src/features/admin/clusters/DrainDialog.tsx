import { Alert, ScrollArea, Text } from '@mantine/core'
import { IconInfoCircle } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { planDrainOptions, refetch } from '~/api'
import { drainNode } from '~/api/gen/sdk.gen'
import { DialogForm } from '~/components/DialogForm'
import { Answered } from '~/components/states'
import { useT } from '~/i18n'
import { useClusters } from '../names'
import { Moves } from './Moves'

/** What emptying a node would do, before it is done. */
export function DrainDialog({
  cluster,
  node,
  onBegun,
  onDone,
}: {
  cluster: string
  node: string
  onBegun: () => void
  onDone: () => void
}) {
  const t = useT()
  const words = t.admin.clusters
  const { names } = useClusters()
  const path = { id: cluster, name: node }
  const plan = useQuery({ ...planDrainOptions({ path }), staleTime: 0, retry: false })
  const remain = plan.data?.filter((one) => one.state === 'remains').length ?? 0
  return (
    <DialogForm
      about={words.drainAbout}
      label={words.drainBegin}
      disabled={!plan.data}
      onCancel={onDone}
      hints={[
        {
          cli: `innkeeper drain plan ${names.get(cluster) ?? cluster} ${node}\ninnkeeper drain start ${names.get(cluster) ?? cluster} ${node}`,
          path: `/api/v1/clusters/${cluster}/nodes/${node}/drain`,
        },
      ]}
      submit={() =>
        drainNode({ path }).then(() => {
          void refetch('listDrains', 'listNodes')
          onDone()
          onBegun()
        })
      }
    >
      <Answered query={plan}>
        {(moves) =>
          moves.length === 0 ? (
            <Text size="sm">{words.drainEmpty}</Text>
          ) : (
            <>
              {remain > 0 && (
                <Alert color="yellow" className="notice" icon={<IconInfoCircle aria-hidden />}>
                  {words.remain(remain)}
                </Alert>
              )}
              <ScrollArea.Autosize mah={320} viewportProps={{ tabIndex: 0, role: 'region', 'aria-label': words.moves }}>
                <Moves moves={moves} planned />
              </ScrollArea.Autosize>
            </>
          )
        }
      </Answered>
    </DialogForm>
  )
}
