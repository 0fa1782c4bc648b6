import {
  createGroupCommit,
  type GroupCommitLimits,
  groupCommitLimits,
} from '#adapters/postgres/group-commit/group-commit.ts'
import type { BatchItem } from '#adapters/postgres/group-commit/append-queue.ts'
import { systemClock } from '#adapters/system/clock.ts'
import { systemTimers } from '#adapters/system/timers.ts'
import { createScriptedConnection, type Verdict } from './scripted-connection.ts'

export const item = (streamId: string, bytes = 1): BatchItem => ({ streamId, bytes })

/** A group commit whose server is in the hands of the test; one flush at a time unless said otherwise. */
export const open = (limits: Partial<GroupCommitLimits> = {}) => {
  const script = createScriptedConnection()
  const group = createGroupCommit<BatchItem, Verdict>(
    script.connect,
    { clock: systemClock, timers: systemTimers },
    { ...groupCommitLimits, flushesInFlightMax: 1, ...limits },
  )
  return { ...script, group, append: (streamId: string, bytes?: number) => group.append(item(streamId, bytes)) }
}

/** What a promise is rejected with; undefined when it is not. */
export const causeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )
