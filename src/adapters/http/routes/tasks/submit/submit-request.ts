import { createHash } from 'node:crypto'
import { canonicalize } from '#application/mechanisms/canonical-json.ts'
import type { SubmitRequest } from '#application/commands/submit-task.ts'
import type { SubmitKey } from '#application/ports/events/submit-keys.ts'
import type { JsonText } from '#domain/task/events.ts'
import type { Due, Instant } from '#domain/time.ts'
import { validationFailed } from '../../../problems/faults.ts'
import { ProblemError } from '../../../problems/problems.ts'
import type { TaskInput } from './task-input.ts'

/** How much a payload may weigh, in bytes of UTF-8 as `JSON.stringify` writes it. */
export const payloadBytesMax = 262_144

/** All callers share one key scope: there are no principals yet. */
const scope = ''

/** The key of a request; `sent` is the task as it was sent, without the key itself. */
export const toSubmitKey = (key: string, sent: unknown): SubmitKey => ({ scope, key, fingerprint: toFingerprint(sent) })

/**
 * SHA-256, in hexadecimal digits, of the canonical form: equal for requests that say the same. `value` has passed a schema,
 * which bounds its depth.
 */
const toFingerprint = (value: unknown): string => createHash('sha256').update(canonicalize(value)).digest('hex')

/** The application's form of a submission. Throws ProblemError for a `runAt` too far ahead and a payload too large. */
export const toSubmitRequest = (input: TaskInput, now: Instant): SubmitRequest => {
  const { payload, runAt, delayMs, ...rest } = input
  const request = { ...rest, payload: toPayloadText(payload) }
  return runAt === undefined && delayMs === undefined ? request : { ...request, due: toDue(runAt, delayMs, now) }
}

/** The past means now: an instant long gone would otherwise outrank every priority. */
const toDue = (runAt: Instant | undefined, delayMs: number | undefined, now: Instant): Due => {
  if (runAt === undefined) return { delayMs: delayMs ?? 0 }
  if (runAt > tenYearsAfter(now)) {
    throw validationFailed([{ pointer: '/runAt', message: 'must be at most ten years ahead' }])
  }
  return runAt <= now ? { delayMs: 0 } : { runAt }
}

/** Ten calendar years, and a minute more for a client whose clock is ahead of the store's. */
const tenYearsAfter = (now: Instant): Instant => {
  const date = new Date(now)
  return date.setUTCFullYear(date.getUTCFullYear() + 10) + 60_000
}

const toPayloadText = (payload: unknown): JsonText => {
  const text = payload === undefined ? 'null' : JSON.stringify(payload)
  // A UTF-16 code unit is at most three bytes of UTF-8, so most payloads need no counting.
  if (text.length * 3 > payloadBytesMax && Buffer.byteLength(text) > payloadBytesMax) {
    throw new ProblemError('payload-too-large', `The payload weighs more than ${payloadBytesMax} bytes.`)
  }
  return text
}
