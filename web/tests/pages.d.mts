export const doors: string[]
export const inside: string[]
export const admin: string[]
export function withId(path: string, ids: Record<string, string>): string
export function nameOf(path: string): string
export function adminIds(request: import('@playwright/test').APIRequestContext): Promise<Record<string, string>>
export function guardedIds(
  request: import('@playwright/test').APIRequestContext,
): Promise<{ hosts: string; services: string }>
