import { parseAppendId, parseIncarnation, parseTaskId } from '#domain/identifiers.ts'
import type { ErrorReport, Submission } from '#domain/task/events.ts'
import type { Instant } from '#domain/time.ts'

export const taskId = parseTaskId('01920000-0000-7000-8000-000000000001')
export const otherTaskId = parseTaskId('01920000-0000-7000-8000-000000000002')
export const appendId = parseAppendId('01920000-0000-7000-8000-0000000000a1')
export const incarnation = parseIncarnation('7b1c2f0e-52a3-4e0e-9a53-0d9f6f3c2a11')
export const otherIncarnation = parseIncarnation('7b1c2f0e-52a3-4e0e-9a53-0d9f6f3c2a12')

/** 2026-01-01T00:00:00Z: the instant at which a history of these tests is submitted. */
export const epoch: Instant = 1_767_225_600_000

/** Two attempts, and a back-off without jitter: 100 ms after the first. */
export const submission: Submission = {
  type: 'demo.echo',
  queue: 'default',
  payload: '{"to":"you"}',
  priority: 0,
  maxAttempts: 2,
  timeoutMs: 60_000,
  retry: { strategy: 'exponential', baseMs: 100, maxMs: 1_000, jitter: 'none' },
  tags: ['a'],
}

export const error: ErrorReport = { name: 'Error', message: 'the receiver said no' }

/** The error recorded for a worker that was declared lost. */
export const lostError: ErrorReport = {
  name: 'WorkerLost',
  message: `worker ${incarnation} gave no sign of life for its whole lease`,
}
