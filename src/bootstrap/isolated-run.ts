import { writeFileSync } from 'node:fs'
import { systemTimers } from '#adapters/system/timers.ts'
import { serveIsolatedRun } from '#adapters/worker/isolation/serve-isolated-run.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import { openHandlers, parseHandlerSettings } from './open/open-handlers.ts'

/** Drops lines at `info`: the worker has logged the same about its handlers, and this process exists for runs apart. */
const withoutInfo = (logger: Logger): Logger => ({
  debug: (fields, message) => logger.debug(fields, message),
  info: () => {},
  warn: (fields, message) => logger.warn(fields, message),
  error: (fields, message) => logger.error(fields, message),
  child: (fields) => withoutInfo(logger.child(fields)),
})

/** Asks the kernel to end this process first when memory runs out, rather than the worker or a database beside it. */
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
  openHandlers: (settings, logger) => openHandlers(parseHandlerSettings(settings), withoutInfo(logger)),
})
