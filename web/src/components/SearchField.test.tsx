import { screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { useState } from 'react'
import { expect, test } from 'vitest'
import { show } from '../../tests/render'
import { SearchField } from './SearchField'

function Page() {
  const [q, setQ] = useState<string>()
  return (
    <>
      <SearchField label="Search" value={q} onChange={setQ} />
      <output>{q ?? 'nothing'}</output>
      <button type="button" onClick={() => setQ(undefined)}>
        Clear
      </button>
    </>
  )
}

test('whoever types goes on typing while the first letters are looked for', async () => {
  show(<Page />)
  const field = screen.getByRole('searchbox')
  await userEvent.type(field, 'w')
  await expect.poll(() => screen.getByRole('status').textContent).toBe('w')
  expect(field).toHaveFocus()
  await userEvent.keyboard('eb')
  await expect.poll(() => screen.getByRole('status').textContent).toBe('web')
  await userEvent.click(screen.getByRole('button', { name: 'Clear' }))
  expect(field).toHaveValue('')
})
