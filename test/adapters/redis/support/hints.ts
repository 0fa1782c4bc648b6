import { setTimeout as sleep } from 'node:timers/promises'
import type { Route } from '#domain/route.ts'
import type { Hint, PulledHints, TaskQueue } from '#application/ports/queue/task-queue.ts'
import { mintTaskId } from '../../../support/ids.ts'

export const makeHint = (route: Route, rank = 0): Hint => ({
  taskId: mintTaskId(),
  route,
  rank: 1_767_225_600_000 + rank,
})

/** Takes without waiting. */
export const take = (queue: TaskQueue, routes: readonly Route[], max = 1_000): Promise<PulledHints> =>
  queue.pull({ routes, max, waitMs: 0, signal: new AbortController().signal })

/** Waits for up to ten seconds. */
export const wait = (queue: TaskQueue, routes: readonly Route[], max = 1): Promise<PulledHints> =>
  queue.pull({ routes, max, waitMs: 10_000, signal: new AbortController().signal })

/** Servers live in real time. */
export const realTime = {
  advance: (ms: number): Promise<void> => sleep(ms),
  close: (): Promise<void> => Promise.resolve(),
}
