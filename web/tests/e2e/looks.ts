import { expect, type Page, type TestInfo } from '@playwright/test'
import { accessible, settled } from './house'

type Look = readonly ['dark' | 'light', 'en' | 'fr']
// Both devices together see all four.
const looks: Record<string, readonly [Look, Look]> = {
  desktop: [
    ['dark', 'en'],
    ['light', 'fr'],
  ],
  phone: [
    ['light', 'en'],
    ['dark', 'fr'],
  ],
}

/** Takes another look at what is shown, as a page does when it is chosen in another tab. */
async function look(page: Page, [scheme, locale]: Look) {
  await page.evaluate(
    (chosen) => {
      for (const [key, newValue] of Object.entries(chosen)) {
        localStorage.setItem(key, newValue)
        dispatchEvent(new StorageEvent('storage', { key, newValue, storageArea: localStorage }))
      }
    },
    { 'color-scheme': scheme, locale },
  )
  await expect(page.locator('html')).toHaveAttribute('lang', locale)
  await expect(page.locator('html')).toHaveAttribute('data-mantine-color-scheme', scheme)
}

/** Opens each page once, and tries it in both looks of the device. */
export async function everyPage(page: Page, { project }: TestInfo, paths: string[]) {
  const both: readonly Look[] = looks[project.name] ?? []
  for (const [n, path] of paths.entries()) {
    await page.goto(path)
    await settled(page)
    // The second look of a page is the first of the next one.
    for (const one of n % 2 ? [...both].reverse() : both) {
      await look(page, one)
      await accessible(page, `${path}, ${one.join(', ')}`)
    }
  }
}
