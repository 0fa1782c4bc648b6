import { toReturned } from '#adapters/worker/run/handler-ending.ts'
import type { Isolation } from '#adapters/worker/isolation/isolation.ts'
import { runHandler } from '#adapters/worker/run/run-handler.ts'
import type { TaskHandler } from '#application/ports/task-handler.ts'

/** What a handler returns whose process is to die. */
const death = Symbol('death')

/** Imagines a process for each run: what a handler returns tells whether it dies. Two at a time, as the real one. */
export const createIsolationInProcess = (handlers: ReadonlyMap<string, TaskHandler>): Isolation => {
  let running = 0
  return {
    freeCount: () => 2 - running,
    run: async ({ task, context, onBegun }) => {
      const handler = handlers.get(task.submission.type)
      if (handler === undefined) return toReturned(undefined)
      running += 1
      onBegun()
      let died = false
      const watched = {
        ...handler,
        run: async (payload: unknown) => {
          const value = await handler.run(payload, context)
          died = value === death
          return value
        },
      }
      const ending = await runHandler(watched, task.submission.payload, context)
      running -= 1
      return died ? { kind: 'crashed', error: { name: 'Crash', message: 'it died' } } : ending
    },
    close: async () => {},
  }
}
