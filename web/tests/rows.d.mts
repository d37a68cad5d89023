export function longList(page: import('@playwright/test').Page, count: number): Promise<void>
