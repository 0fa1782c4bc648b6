import { toThrown } from '#adapters/worker/run/handler-ending.ts'
import type { Isolation } from '#adapters/worker/isolation/isolation.ts'
import { runHandler } from '#adapters/worker/run/run-handler.ts'
import type { TaskHandler } from '#application/ports/task-handler.ts'

/** Runs each handler in this process, two at a time, as the real isolation has two processes. None of them ever crashes. */
export const createIsolationInProcess = (handlers: ReadonlyMap<string, TaskHandler>): Isolation => {
  let running = 0
  return {
    freeCount: () => 2 - running,
    run: async ({ task, context, onBegun }) => {
      const handler = handlers.get(task.facts.submission.type)
      if (handler === undefined) return toThrown(new Error(`there is no handler for ${task.facts.submission.type}`))
      running += 1
      onBegun()
      const ending = await runHandler(handler, task.facts.submission.payload, context)
      running -= 1
      return ending
    },
    close: async () => {},
  }
}
