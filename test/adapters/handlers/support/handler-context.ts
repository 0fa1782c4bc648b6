import type { TransactionWork } from '#application/ports/ledger/handler-effects.ts'
import type { HandlerContext } from '#application/ports/task-handler.ts'
import { parseTaskId } from '#domain/identifiers.ts'
import { silentLogger } from '../../../support/silent-logger.ts'

/** What a worker gives to a handler, for a handler called without one. */
export const createHandlerContext = (given: Partial<HandlerContext> = {}): HandlerContext => ({
  taskId: parseTaskId('01980000-0000-7000-8000-00000000002a'),
  attempt: 1,
  signal: new AbortController().signal,
  log: silentLogger,
  progress: () => {},
  effect: async <Result>(_name: string, _options: unknown, work: TransactionWork<Result>) =>
    work({ key: 'key', signal: new AbortController().signal, query: async () => ({ rows: [], rowCount: 0 }) }),
  ...given,
})
