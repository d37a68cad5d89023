import type { Problem } from './gen'

/** What the API says when something is not possible (RFC 9457), as opposed to an answer that never came. */
export const isProblem = (error: unknown): error is Problem =>
  typeof error === 'object' && error !== null && 'code' in error && 'status' in error && 'detail' in error

/** Whether it is a problem of this code. */
export const hasCode = (error: unknown, ...codes: string[]) => isProblem(error) && codes.includes(error.code)
