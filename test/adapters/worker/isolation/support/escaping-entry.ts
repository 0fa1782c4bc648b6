import { systemTimers } from '#adapters/system/timers.ts'
import { serveIsolatedRun } from '#adapters/worker/isolation/serve-isolated-run.ts'
import type { HandlerContext } from '#application/ports/task-handler.ts'

/** Lets a listener of its signal throw first, and then an error that ends its process. */
const run = async (_: unknown, { signal, progress }: HandlerContext): Promise<never> => {
  signal.addEventListener('abort', () => {
    setTimeout(() => void Promise.reject(new RangeError('escaped')), 50)
    throw new Error('thrown by a listener')
  })
  progress('listening')
  return new Promise(() => {})
}

serveIsolatedRun({
  timers: systemTimers,
  random: Math.random,
  openHandlers: async () => ({
    handlers: new Map([['work', { type: 'work', defaults: {}, run }]]),
    close: async () => {},
  }),
})
