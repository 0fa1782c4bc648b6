import type { Clock } from '#application/ports/surroundings/clock.ts'
import type { CommitObserver } from '#application/ports/surroundings/commit-observer.ts'
import type { Metrics } from './metrics.ts'

/** Measures size and duration of each group commit, failed ones included, and passes it on to `next`. */
export const createMeasuredCommits = (metrics: Metrics, clock: Clock, next?: CommitObserver): CommitObserver => ({
  commit: async (members, send) => {
    const begunAtMs = clock.monotonicMs()
    try {
      return await (next === undefined ? send() : next.commit(members, send))
    } finally {
      metrics.commitSize.record(members.length)
      metrics.commitTime.record((clock.monotonicMs() - begunAtMs) / 1_000)
    }
  },
})
