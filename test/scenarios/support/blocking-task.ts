import { defineTask } from 'taskfold'
import { z } from 'zod'

/** Keeps the event loop of its worker from coming round. */
export const block = defineTask({
  type: 'test.block',
  input: z.object({ ms: z.int() }),
  run: async ({ ms }) => {
    for (const endsAtMs = performance.now() + ms; performance.now() < endsAtMs;) Math.sqrt(ms)
    return 'unblocked'
  },
})
