import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { PermanentError } from '#application/ports/task-handler.ts'
import { defineTask } from '../define-task.ts'

/** Returns its payload unchanged. */
export const demoEcho = defineTask({ type: 'demo.echo', run: (payload) => payload })

/** Ten minutes: whoever may submit may otherwise hold every slot of a fleet for a day. */
const sleepMsMax = 600_000

/** Waits for `ms` milliseconds; rejects with the signal's reason when it is aborted before. */
export const demoSleep = defineTask({
  type: 'demo.sleep',
  input: z.strictObject({ ms: z.int().min(0).max(sleepMsMax) }),
  run: async ({ ms }, { signal }) => {
    signal.throwIfAborted()
    try {
      await sleep(ms, undefined, { signal })
    } catch (error) {
      signal.throwIfAborted()
      throw error
    }
    return { ms }
  },
})

/** Fails the first `times` attempts of the task, counted over its whole life, then succeeds. */
export const demoFail = defineTask({
  type: 'demo.fail',
  input: z.strictObject({
    times: z.int().min(0).max(1_000_000),
    message: z.string().max(1_000).optional(),
    permanent: z.boolean().default(false),
  }),
  run: ({ times, message, permanent }, { attempt }) => {
    if (attempt > times) return { attempt }
    const text = message ?? `failed on purpose, attempt ${attempt} of ${times}`
    throw permanent ? new PermanentError(text) : new Error(text)
  },
})
