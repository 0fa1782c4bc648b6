import { writeFileSync } from 'node:fs'
import { systemTimers } from '#adapters/system/timers.ts'
import { serveIsolatedRun } from '#adapters/worker/isolation/serve-isolated-run.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import { openHandlers, parseHandlerSettings } from './open/open-handlers.ts'

/** What the worker has logged about its handlers is not said again by each process that it starts for a run. */
const withoutNews = (logger: Logger): Logger => ({
  ...logger,
  info: () => {},
  child: (fields) => withoutNews(logger.child(fields)),
})

/** When memory runs out the kernel should take this process, and not the worker or a database beside it. */
const volunteerForOutOfMemory = (): void => {
  try {
    writeFileSync('/proc/self/oom_score_adj', '1000')
  } catch {
    // Only Linux has it.
  }
}

volunteerForOutOfMemory()
serveIsolatedRun({
  timers: systemTimers,
  random: Math.random,
  openHandlers: (settings, logger) => openHandlers(parseHandlerSettings(settings), withoutNews(logger)),
})
