// A long list of instances, as the house would send it: an answer of the house itself, many times over with other names.

const states = ['running', 'running', 'running', 'stopped', 'failed']

/** Answers what the page asks for a list of instances with `count` of them, page by page. */
export async function longList(page, count) {
  let rows
  await page.route(/\/api\/v1\/instances\?/, async (route) => {
    if (!rows) {
      const { items } = await (await route.fetch()).json()
      if (!items.length) throw new Error('the house has no instance to begin with')
      rows = Array.from({ length: count }, (_, n) => ({
        ...items[n % items.length],
        id: `ins_${String(n).padStart(32, '0')}`,
        name: `room-${n + 1}`,
        state: states[n % states.length],
        address: `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`,
        operation: null,
      }))
    }
    const asked = new URL(route.request().url()).searchParams
    const from = Number(asked.get('cursor') ?? 0)
    const until = from + Number(asked.get('limit') ?? 50)
    await route.fulfill({
      json: { items: rows.slice(from, until), next_cursor: until < rows.length ? String(until) : null },
    })
  })
}
