import { screen, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { useState } from 'react'
import { expect, test, vi } from 'vitest'
import { show } from '../../tests/render'
import { ResourceTable } from './ResourceTable'

type Row = { id: string; name: string; size: number | null }
const rows: Row[] = [
  { id: '1', name: 'web-10', size: 2 },
  { id: '2', name: 'web-9', size: null },
  { id: '3', name: 'db', size: 8 },
]

function List({ given = rows, error }: { given?: Row[] | null; error?: unknown }) {
  const [sort, setSort] = useState('name')
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set())
  return (
    <>
      <output>{[...selected].join()}</output>
      <ResourceTable
        label="Things"
        rows={given ?? undefined}
        error={error}
        onRetry={() => undefined}
        id={(row) => row.id}
        name={(row) => row.name}
        sort={sort}
        onSort={setSort}
        selected={selected}
        onSelect={setSelected}
        columns={[
          { key: 'name', title: 'Name', sort: (row) => row.name, render: (row) => row.name },
          { key: 'size', title: 'Size', sort: (row) => row.size, render: (row) => row.size },
        ]}
        card={(row) => row.name}
        empty={<p>Nothing</p>}
      />
    </>
  )
}

const names = () =>
  within(screen.getByRole('table', { name: 'Things' }))
    .getAllByRole('row')
    .slice(1)
    .map((row) => within(row).getAllByRole('cell')[1]?.textContent)

test('rows are put in order as people count, those without a value last', async () => {
  show(<List />)
  expect(names()).toEqual(['db', 'web-9', 'web-10'])
  await userEvent.click(screen.getByRole('button', { name: 'Name' }))
  expect(names()).toEqual(['web-10', 'web-9', 'db'])
  expect(screen.getByRole('columnheader', { name: 'Name' })).toHaveAttribute('aria-sort', 'descending')
  await userEvent.click(screen.getByRole('button', { name: 'Size' }))
  expect(names()).toEqual(['web-10', 'db', 'web-9'])
})

test('one and all can be selected', async () => {
  show(<List />)
  await userEvent.click(screen.getByRole('checkbox', { name: 'Select db' }))
  expect(screen.getByRole('status')).toHaveTextContent('3')
  await userEvent.click(screen.getByRole('checkbox', { name: 'Select all' }))
  expect(screen.getByRole('status')).toHaveTextContent('3,2,1')
})

test('loading, nothing, and failed are three things', () => {
  const { unmount } = show(<List given={null} />)
  expect(screen.getByRole('status', { name: 'Things' })).toHaveAttribute('aria-busy', 'true')
  unmount()
  const nothing = show(<List given={[]} />)
  expect(screen.getByText('Nothing')).toBeInTheDocument()
  nothing.unmount()
  vi.spyOn(console, 'error').mockImplementation(() => undefined)
  show(<List given={null} error={new TypeError('no network')} />)
  expect(screen.getByRole('alert')).toHaveTextContent('The house does not answer')
  expect(screen.getByRole('button', { name: 'Try again' })).toBeInTheDocument()
})
