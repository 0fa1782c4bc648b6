import type { Locking } from '#adapters/postgres/group-commit/locking.ts'
import { noTask } from '#domain/task/state.ts'
import { findSqlState } from '#adapters/postgres/connection/errors.ts'
import type { CommitObserver } from '#application/ports/surroundings/commit-observer.ts'
import { openPostgresStore } from './postgres-store.ts'
import { makeAppend, makeSubmission, submit } from './task-builders.ts'

/**
 * A store that takes heads in one manner as far as that can be chosen: `optimistic` but where a batch was rolled back or may
 * have been stored, or `skip-locked` for good. Which one a store of its own takes depends on what it met in the last second.
 */
export const openStoreInManner = async (manner: Locking) => {
  const states: string[] = []
  const skipLockedMs = manner === 'optimistic' ? 0 : Number.POSITIVE_INFINITY
  const world = await openPostgresStore({ limits: { skipLockedMs }, commits: watchRefusals(states) })
  const submission = makeSubmission()
  await world.routes.learn([submission])
  /** Sends a first append that is there already, and answers whether the server refused a batch for it. */
  const meetsRefusal = async (): Promise<boolean> => {
    const append = makeAppend(noTask, submit(submission))
    await world.store.append(append)
    const before = states.length
    await world.store.append(append)
    return states.length > before
  }
  // The first batch that is rolled back makes all that follow careful, for as long as `skipLockedMs` says.
  if (manner === 'skip-locked') await meetsRefusal()
  return { ...world, meetsRefusal }
}

const watchRefusals = (states: string[]): CommitObserver => ({
  commit: async (_, send) => {
    try {
      return await send()
    } catch (error) {
      states.push(findSqlState(error) ?? 'none')
      throw error
    }
  },
})
