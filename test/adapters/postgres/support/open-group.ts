import {
  createGroupCommit,
  type GroupCommitLimits,
  groupCommitLimits,
} from '#adapters/postgres/group-commit/group-commit.ts'
import type { Parcel } from '#adapters/postgres/group-commit/waiting-line.ts'
import { createScriptedFlush, type Verdict } from './scripted-flush.ts'

export const parcel = (streamId: string, bytes = 1): Parcel => ({ streamId, bytes })

/** A group commit whose flushes are in the hands of the test; one at a time unless said otherwise. */
export const open = (limits: Partial<GroupCommitLimits> = {}) => {
  const script = createScriptedFlush()
  const group = createGroupCommit<Parcel, Verdict>(script.flush, {
    ...groupCommitLimits,
    flushesInFlightMax: 1,
    ...limits,
  })
  return { ...script, group, append: (streamId: string, bytes?: number) => group.append(parcel(streamId, bytes)) }
}

/** What a promise is rejected with; undefined when it is not. */
export const causeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )
