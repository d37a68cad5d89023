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
import { type ReactNode, useMemo, useRef } from 'react'
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
  /** The title is for screen readers only. */
  hideTitle?: boolean
  /** Shown only where there is room for it. */
  from?: 'md' | 'lg' | 'xl'
  width?: number | string
}

type Shown<T> = {
  label: string
  rows: T[] | undefined
  columns: Column<T>[]
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

function inOrder<T>(rows: T[] | undefined, columns: Column<T>[], sort: string | undefined) {
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
  const wide = columns.length + (selected ? 1 : 0)
  const all = selected && rows.length > 0 && rows.every((row) => selected.has(id(row)))
  const some = selected && !all && rows.some((row) => selected.has(id(row)))
  const toggle = (row: T) => {
    const next = new Set(selected)
    if (!next.delete(id(row))) next.add(id(row))
    onSelect?.(next)
  }
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
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody ref={body}>
            <Gap height={first * rowHeight} columns={wide} />
            {rows.slice(first, last).map((row, n) => (
              <Table.Tr
                key={id(row)}
                aria-rowindex={first + n + 2}
                data-picked={selected?.has(id(row)) || undefined}
                style={{ height: rowHeight }}
              >
                {selected && (
                  <Table.Td>
                    <Checkbox
                      size="xs"
                      aria-label={t.common.select(name?.(row) ?? id(row))}
                      checked={selected.has(id(row))}
                      onChange={() => toggle(row)}
                    />
                  </Table.Td>
                )}
                {columns.map((column) => (
                  <Table.Td key={column.key} visibleFrom={column.from} ta={column.right ? 'right' : undefined}>
                    {column.render(row)}
                  </Table.Td>
                ))}
              </Table.Tr>
            ))}
            <Gap height={(rows.length - last) * rowHeight} columns={wide} />
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Box>
  )
}

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
      {column.hideTitle ? (
        <VisuallyHidden>{column.title}</VisuallyHidden>
      ) : column.sort && onSort ? (
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
  const t = useT()
  const list = useRef<HTMLUListElement>(null)
  return (
    <ul ref={list} className={classes.cards} aria-label={label}>
      {rows.map((row) => (
        <li key={id(row)}>
          <Card padding="md">
            {selected ? (
              <Group wrap="nowrap" align="flex-start" gap="sm">
                <Checkbox
                  size="sm"
                  mt={2}
                  aria-label={t.common.select(name?.(row) ?? id(row))}
                  checked={selected.has(id(row))}
                  onChange={() => {
                    const next = new Set(selected)
                    if (!next.delete(id(row))) next.add(id(row))
                    onSelect?.(next)
                  }}
                />
                <Box flex={1} miw={0}>
                  {card(row)}
                </Box>
              </Group>
            ) : (
              card(row)
            )}
          </Card>
        </li>
      ))}
    </ul>
  )
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
