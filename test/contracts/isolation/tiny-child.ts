import { setTimeout as sleep } from 'node:timers/promises'
import { systemTimers } from '#adapters/system/timers.ts'
import { serveIsolatedRun } from '#adapters/worker/isolation/serve-isolated-run.ts'
import type { HandlerContext } from '#application/ports/task-handler.ts'
import { toHandlers } from './tiny-tasks.ts'

/** Bounds what a failing test leaves behind. */
const lifeMsMax = 60_000

/** The process of an isolated run: it loads in a moment, and has handlers that end it in every way. */
serveIsolatedRun({
  timers: systemTimers,
  random: Math.random,
  openHandlers: async () => ({
    handlers: toHandlers({
      pid: async () => process.pid,
      exit: async () => process.exit(3),
      /** Leaves something behind that ends the process while the next attempt is under way. */
      linger: async () => {
        setTimeout(() => {
          throw new RangeError('left behind')
        }, 500)
      },
      kill: async () => {
        process.kill(process.pid, 'SIGKILL')
        await sleep(lifeMsMax)
      },
      escape: async () => {
        setTimeout(() => {
          throw new RangeError('escaped')
        }, 10)
        await sleep(lifeMsMax)
      },
      spin: async (_: unknown, { progress }: HandlerContext) => {
        progress(process.pid)
        await sleep(20)
        for (const endsAtMs = performance.now() + lifeMsMax; performance.now() < endsAtMs;);
      },
      /** Reports five times, a little apart. */
      work: async (_: unknown, { progress }: HandlerContext) => {
        for (let report = 0; report < 5; report += 1) {
          progress(report)
          await sleep(400)
        }
        return 'done'
      },
      deaf: async (_: unknown, { progress }: HandlerContext) => {
        progress(process.pid)
        await sleep(lifeMsMax)
      },
    }),
    close: async () => {},
  }),
})
