import { systemTimers } from '#adapters/system/timers.ts'
import { serveIsolatedRun } from '#adapters/worker/isolation/serve-isolated-run.ts'

/** The process of an isolated run whose event loop never turns. */
serveIsolatedRun({
  timers: systemTimers,
  random: Math.random,
  openHandlers: async () => ({ handlers: new Map(), close: async () => {} }),
})

// Bounded, so that a failing test leaves nothing behind for long.
for (const endsAtMs = performance.now() + 60_000; performance.now() < endsAtMs;);
