import { z } from 'zod'
import type { JsonText } from '#domain/task/events.ts'
import type { Instant } from '#domain/time.ts'

/** An instant in an answer: RFC 3339 in UTC with milliseconds. */
export const instantView = z.iso.datetime({ precision: 3 })

/** An instant as `instantView` describes it, quoted; `null` for none. */
export const renderInstant = (instant: Instant | undefined): JsonText =>
  instant === undefined ? 'null' : `"${toRfc3339(instant)}"`

let lastInstant: Instant = 0
let lastText = '1970-01-01T00:00:00.000Z'

/**
 * An instant as `instantView` describes it.
 *
 * The last one is remembered, because formatting dates was the most expensive part of the answer to a submission: a new
 * task has one instant twice, and all tasks of one flush share it.
 */
export const toRfc3339 = (instant: Instant): string => {
  if (instant !== lastInstant) {
    lastText = new Date(instant).toISOString()
    lastInstant = instant
  }
  return lastText
}
