import {
  Box,
  Button,
  Card,
  Checkbox,
  Group,
  Skeleton,
  Stack,
  Table,
  UnstyledButton,
  VisuallyHidden,
} from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import { IconArrowDown, IconArrowUp, IconSelector } from '@tabler/icons-react'
import {
  memo,
  type ReactNode,
  type RefObject,
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from 'react'
import { useT } from '~/i18n'
import { useWindow } from '~/lib/window'
import classes from './ResourceTable.module.css'
import { Failed } from './states'

export type Column<T> = {
  key: string
  title: string
  render: (row: T) => ReactNode
  /** By what rows are put in order; without it they are not, by this column. */
  sort?: (row: T) => string | number | null | undefined
  right?: boolean
  /** Shown only where there is room for it. */
  from?: 'md' | 'lg' | 'xl'
  width?: number | string
}

type Shown<T> = {
  label: string
  rows: T[] | undefined
  columns: Column<T>[]
  /** What can be done with a row: the last column. */
  acts?: (row: T) => ReactNode
  id: (row: T) => string
  error?: unknown
  /** Whether the rows answer an earlier question, while the answer to another is on its way. */
  outdated?: boolean
  onRetry?: () => void
  /** What is shown when there is nothing; why there is nothing is for the page to say. */
  empty: ReactNode
  /** The row as a card, on phones. */
  card: (row: T) => ReactNode
  /** Column by which rows are put in order, with `-` before it for the other way round. */
  sort?: string
  onSort?: (sort: string) => void
  selected?: ReadonlySet<string>
  onSelect?: (selected: Set<string>) => void
  name?: (row: T) => string
  more?: { load: () => void; loading: boolean } | undefined
  rowHeight?: number
}

/** A list of things: a table where there is room, cards on phones. Thousands of rows are drawn only where one looks. */
export function ResourceTable<T>(props: Shown<T>) {
  const t = useT()
  const narrow = useMediaQuery('(max-width: 48em)', undefined, { getInitialValueInEffect: false })
  const { rows, error, onRetry, empty, more, columns, sort, outdated } = props
  const ordered = useMemo(() => inOrder(rows, columns, sort), [rows, columns, sort])
  if (!ordered)
    return error ? <Failed error={error} onRetry={onRetry} /> : <Waiting narrow={narrow} label={props.label} />
  if (!ordered.length) return <Card padding={0}>{empty}</Card>
  return (
    <Stack gap="sm" className={classes.list} data-outdated={outdated || undefined} aria-busy={outdated || undefined}>
      {narrow ? <Cards {...props} rows={ordered} /> : <Rows {...props} rows={ordered} />}
      {more && (
        <Group justify="center">
          <Button variant="default" onClick={more.load} loading={more.loading}>
            {t.common.more}
          </Button>
        </Group>
      )}
    </Stack>
  )
}

/** Rows by a column. What is in order already takes no time. */
export function inOrder<T>(rows: T[] | undefined, columns: Column<T>[], sort: string | undefined) {
  const by = sort && columns.find((column) => column.key === sort.replace(/^-/, ''))?.sort
  if (!rows || !by) return rows
  const way = sort.startsWith('-') ? -1 : 1
  const keyed = rows.map((row) => [by(row), row] as const)
  keyed.sort(([a], [b]) => {
    if (a === b) return 0
    if (a === null || a === undefined) return 1
    if (b === null || b === undefined) return -1
    return (typeof a === 'string' && typeof b === 'string' ? collator.compare(a, b) : a < b ? -1 : 1) * way
  })
  return keyed.map(([, row]) => row)
}
const collator = new Intl.Collator(undefined, { numeric: true })

function Rows<T>({
  rows,
  columns,
  acts,
  id,
  label,
  sort,
  onSort,
  selected,
  onSelect,
  name,
  rowHeight = 61,
}: Shown<T> & { rows: T[] }) {
  const t = useT()
  const body = useRef<HTMLTableSectionElement>(null)
  const { first, last } = useWindow(body, rows.length, rowHeight)
  const wide = columns.length + (acts ? 1 : 0) + (selected ? 1 : 0)
  const all = selected && rows.length > 0 && rows.every((row) => selected.has(id(row)))
  const some = selected && !all && rows.some((row) => selected.has(id(row)))
  const toggle = useToggle(selected, onSelect)
  return (
    <Box className={classes.frame}>
      <Table.ScrollContainer minWidth={560} type="native">
        <Table
          className={classes.table}
          aria-label={label}
          aria-rowcount={rows.length + 1}
          highlightOnHover
          verticalSpacing={10}
        >
          <Table.Thead>
            <Table.Tr aria-rowindex={1}>
              {selected && (
                <Table.Th w={44}>
                  <Checkbox
                    size="xs"
                    aria-label={t.common.selectAll}
                    checked={all ?? false}
                    indeterminate={some}
                    onChange={() => onSelect?.(new Set(all ? [] : rows.map(id)))}
                  />
                </Table.Th>
              )}
              {columns.map((column) => (
                <Head key={column.key} column={column} sort={sort} onSort={onSort} />
              ))}
              {acts && (
                <Table.Th w={56}>
                  <VisuallyHidden>{t.common.actions}</VisuallyHidden>
                </Table.Th>
              )}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody ref={body}>
            <Gap height={first * rowHeight} columns={wide} />
            {rows.slice(first, last).map((row, n) => (
              <Row
                key={id(row)}
                id={id(row)}
                row={row}
                index={first + n + 2}
                columns={columns}
                acts={acts}
                height={rowHeight}
                name={name?.(row) ?? id(row)}
                picked={selected?.has(id(row))}
                onToggle={toggle}
              />
            ))}
            <Gap height={(rows.length - last) * rowHeight} columns={wide} />
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Box>
  )
}

/** Picks one or lets it go. It stays the same function, so that rows need not be drawn anew for it. */
function useToggle(selected: ReadonlySet<string> | undefined, onSelect: ((selected: Set<string>) => void) | undefined) {
  const now = useRef({ selected, onSelect })
  useLayoutEffect(() => {
    now.current = { selected, onSelect }
  })
  return useCallback((id: string) => {
    const next = new Set(now.current.selected)
    if (!next.delete(id)) next.add(id)
    now.current.onSelect?.(next)
  }, [])
}

type Drawn<T> = {
  id: string
  row: T
  index: number
  columns: Column<T>[]
  acts: ((row: T) => ReactNode) | undefined
  height: number
  name: string
  /** Nothing where rows cannot be picked. */
  picked: boolean | undefined
  onToggle: (id: string) => void
}

/** One row, drawn anew only when something of it is another: scrolling draws those that come into sight. */
const Row = memo(function Row<T>({ id, row, index, columns, acts, height, name, picked, onToggle }: Drawn<T>) {
  const t = useT()
  return (
    <Table.Tr aria-rowindex={index} data-picked={picked || undefined} style={{ height }}>
      {picked !== undefined && (
        <Table.Td>
          <Checkbox size="xs" aria-label={t.common.select(name)} checked={picked} onChange={() => onToggle(id)} />
        </Table.Td>
      )}
      {columns.map((column) => (
        <Table.Td key={column.key} visibleFrom={column.from} ta={column.right ? 'right' : undefined}>
          {column.render(row)}
        </Table.Td>
      ))}
      {acts && <Table.Td ta="right">{acts(row)}</Table.Td>}
    </Table.Tr>
  )
}) as <T>(props: Drawn<T>) => ReactNode

/** Stands for rows that are not drawn. */
function Gap({ height, columns }: { height: number; columns: number }) {
  return height > 0 ? (
    <tr aria-hidden style={{ height }}>
      <td colSpan={columns} style={{ padding: 0, border: 0 }} />
    </tr>
  ) : null
}

function Head<T>({ column, sort, onSort }: { column: Column<T>; sort?: string; onSort?: (sort: string) => void }) {
  const active = sort?.replace(/^-/, '') === column.key
  const down = active && sort?.startsWith('-')
  const Icon = !active ? IconSelector : down ? IconArrowDown : IconArrowUp
  return (
    <Table.Th
      visibleFrom={column.from}
      w={column.width}
      ta={column.right ? 'right' : undefined}
      aria-sort={active ? (down ? 'descending' : 'ascending') : undefined}
    >
      {column.sort && onSort ? (
        <UnstyledButton
          className={classes.sort}
          onClick={() => onSort(active && !down ? `-${column.key}` : column.key)}
        >
          {column.title}
          <Icon size={14} aria-hidden className={classes.arrow} data-active={active || undefined} />
        </UnstyledButton>
      ) : (
        column.title
      )}
    </Table.Th>
  )
}

function Cards<T>({ rows, id, card, label, selected, onSelect, name }: Shown<T> & { rows: T[] }) {
  const list = useRef<HTMLUListElement>(null)
  const height = useHeight(list, rows.length)
  const { first, last } = useWindow(list, rows.length, height)
  const toggle = useToggle(selected, onSelect)
  return (
    <ul
      ref={list}
      className={classes.cards}
      aria-label={label}
      style={{ paddingTop: first * height, paddingBottom: (rows.length - last) * height }}
    >
      {rows.slice(first, last).map((row, n) => (
        <li key={id(row)} aria-setsize={rows.length} aria-posinset={first + n + 1}>
          <OneCard
            id={id(row)}
            row={row}
            card={card}
            name={name?.(row) ?? id(row)}
            picked={selected?.has(id(row))}
            onToggle={toggle}
          />
        </li>
      ))}
    </ul>
  )
}

const OneCard = memo(function OneCard<T>({
  id,
  row,
  card,
  name,
  picked,
  onToggle,
}: Pick<Drawn<T>, 'id' | 'row' | 'name' | 'picked' | 'onToggle'> & { card: (row: T) => ReactNode }) {
  const t = useT()
  return (
    <Card padding="md">
      {picked === undefined ? (
        card(row)
      ) : (
        <Group wrap="nowrap" align="flex-start" gap="sm">
          <Checkbox
            size="sm"
            mt={2}
            aria-label={t.common.select(name)}
            checked={picked}
            onChange={() => onToggle(id)}
          />
          <Box flex={1} miw={0}>
            {card(row)}
          </Box>
        </Group>
      )}
    </Card>
  )
}) as <T>(
  props: Pick<Drawn<T>, 'id' | 'row' | 'name' | 'picked' | 'onToggle'> & { card: (row: T) => ReactNode },
) => ReactNode

/** How high a card is with the space below it, by those that are drawn; measured once they have been laid out. */
function useHeight(list: RefObject<HTMLUListElement | null>, count: number) {
  const [height, setHeight] = useState(120)
  useEffect(() => {
    const frame = requestAnimationFrame(() => {
      const cards = [...(list.current?.children ?? [])]
      const space = Number.parseFloat(list.current ? getComputedStyle(list.current).rowGap : '') || 0
      const all = cards.reduce((sum, card) => sum + card.getBoundingClientRect().height + space, 0)
      if (count && cards.length) setHeight(Math.round(all / cards.length))
    })
    return () => cancelAnimationFrame(frame)
  }, [list, count])
  return height
}

function Waiting({ narrow, label }: { narrow: boolean | undefined; label: string }) {
  return (
    <Card padding="md" aria-busy aria-label={label} role="status">
      <Stack gap="md">
        {[0, 1, 2, 3, 4].map((n) => (
          <Skeleton key={n} h={narrow ? 64 : 34} />
        ))}
      </Stack>
    </Card>
  )
}
