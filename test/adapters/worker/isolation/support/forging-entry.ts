import { systemTimers } from '#adapters/system/timers.ts'
import { serveIsolatedRun } from '#adapters/worker/isolation/serve-isolated-run.ts'

/** Sends its parent bodies in our envelope that no release of ours ever sends, and returns. */
const run = async (): Promise<string> => {
  for (const body of [{ kind: 'ended' }, { kind: 'log', level: 'nope' }, 7, null]) {
    process.send?.({ taskfold: 1, order: 1, body })
  }
  process.send?.('a message of its own')
  return 'fine'
}

serveIsolatedRun({
  timers: systemTimers,
  random: Math.random,
  openHandlers: async () => ({
    handlers: new Map([['work', { type: 'work', defaults: {}, run }]]),
    close: async () => {},
  }),
})
