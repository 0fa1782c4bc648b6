import { setTimeout as sleep } from 'node:timers/promises'
import { systemTimers } from '#adapters/system/timers.ts'
import { serveIsolatedRun } from '#adapters/worker/isolation/serve-isolated-run.ts'
import type { HandlerContext } from '#application/ports/task-handler.ts'

/** Answers the id of its process, and leaves something behind that reports while the next run is under way. */
const run = async (_: unknown, { taskId, progress }: HandlerContext): Promise<number> => {
  progress(taskId)
  setTimeout(() => progress('late'), 100)
  await sleep(70)
  return process.pid
}

serveIsolatedRun({
  timers: systemTimers,
  random: Math.random,
  openHandlers: async () => ({
    handlers: new Map([['work', { type: 'work', defaults: {}, run }]]),
    close: async () => {},
  }),
})
