import { AbortReason, type HandlerContext, PermanentError, type TaskHandler } from '#application/ports/task-handler.ts'

/** Handlers that end in every way in which one can end without ending its process. */
const runs: Readonly<Record<string, (payload: unknown, context: HandlerContext) => Promise<unknown>>> = {
  echo: async (payload, { attempt }) => ({ payload, attempt }),
  refuse: async () => {
    throw new PermanentError('never')
  },
  unserializable: async () => 1n,
  report: async (_, { log, progress }) => {
    progress('half')
    log.info({ count: 1 }, 'said')
    return null
  },
  effect: (_, { effect }) => effect('send', { mode: 'idempotent' }, ({ key }) => key),
  obey: (_, { signal, progress }) =>
    new Promise((resolve) => {
      const obey = (): void => {
        const reason: unknown = signal.reason
        resolve(reason instanceof AbortReason ? reason.cause : 'no reason')
      }
      if (signal.aborted) return obey()
      signal.addEventListener('abort', obey)
      progress('listening')
    }),
}

export const toHandlers = (
  more: Readonly<Record<string, (payload: unknown, context: HandlerContext) => Promise<unknown>>> = {},
): ReadonlyMap<string, TaskHandler> =>
  new Map(Object.entries({ ...runs, ...more }).map(([type, run]) => [type, { type, defaults: {}, run }]))
