import type { RunIndex, RunningHead } from '#application/ports/heads/run-index.ts'
import type { Head } from '#domain/task/head.ts'
import type { MemoryDatabase } from '../database.ts'

const incarnationsMax = 10_000
const cancellingMax = 1_000

/** The running heads of a memory database. */
export const createMemoryRunIndex = (database: MemoryDatabase): RunIndex => ({
  listRunningIncarnations: async () => [...database.heads.runningIncarnations()].slice(0, incarnationsMax),

  listRuns: async (incarnation, limit) => toRuns(database.heads.runningUnder(incarnation)).slice(0, limit),

  // A running head whose version is not its run has a CancelRequested: no other event follows Started while a task runs.
  listCancelling: async (incarnation) =>
    toRuns([...database.heads.runningUnder(incarnation)].filter((head) => head.version !== head.run)).slice(
      0,
      cancellingMax,
    ),
})

const toRuns = (heads: Iterable<Head>): readonly RunningHead[] =>
  [...heads]
    .flatMap(({ taskId, run }) => (run === undefined ? [] : [{ taskId, run }]))
    .toSorted((a, b) => (a.taskId < b.taskId ? -1 : 1))
