import { describe, expect, it } from 'vitest'
import type { Isolation, IsolatedRequest } from '#adapters/worker/isolation/isolation.ts'
import { createMemoryLogger } from '#adapters/memory/surroundings/logger.ts'
import { AbortReason, type HandlerContext } from '#application/ports/task-handler.ts'
import { createRunEffects } from '#application/runs/run-effects.ts'
import type { RunningTask } from '#domain/task/state.ts'
import { type ContractWorld, type Setup, useWorld } from '../support/contract-world.ts'
import { createMemoryWorld } from '../support/memory-world.ts'
import { start } from '../support/run-commands.ts'
import { appendCommand, makeSubmission, submitTo } from '../support/task-builders.ts'

export interface IsolationWorld extends ContractWorld {
  readonly isolation: Isolation
  /** Attempts that it runs at once. */
  readonly places: number
}

/** One attempt to be run apart, and what is seen of it from here. */
export const createAttempt = async (type: string, payload: string = 'null') => {
  const memory = createMemoryWorld()
  const pending = await submitTo(memory, makeSubmission({ type, payload }))
  const task = await appendCommand(memory.store, pending, start(pending))
  if (task.status !== 'PROCESSING') throw new Error(`a started task is ${task.status}`)
  const controller = new AbortController()
  const logger = createMemoryLogger()
  const seen: unknown[] = []
  const begun = Promise.withResolvers<void>()
  const reports = createReports()
  const request: IsolatedRequest = {
    task,
    ledger: memory.ledger,
    context: {
      ...toIdentity(task),
      signal: controller.signal,
      log: logger,
      progress: (value) => {
        seen.push(value)
        reports.add(value)
      },
      effect: effectsOf(memory, task, controller.signal).perform,
    },
    onBegun: () => {
      seen.push('begun')
      begun.resolve()
    },
  }
  return {
    request,
    memory,
    logger,
    seen,
    begun: begun.promise,
    /** Resolves with the next report of the handler. */
    nextReport: reports.next,
    abort: (cause: AbortReason['cause']) => controller.abort(new AbortReason(cause)),
  }
}

const toIdentity = ({ taskId, facts }: RunningTask): Pick<HandlerContext, 'taskId' | 'attempt'> => ({
  taskId,
  attempt: facts.attempt,
})

const effectsOf = (
  { ledger, timers, random }: ReturnType<typeof createMemoryWorld>,
  { taskId, run, claim, facts }: RunningTask,
  signal: AbortSignal,
) =>
  createRunEffects(
    { ledger, timers, random },
    { taskId, run, claim, attempt: facts.attempt, signal, onDoubt: () => {} },
  )

const createReports = () => {
  const waiting: unknown[] = []
  const takers: ((value: unknown) => void)[] = []
  return {
    add: (value: unknown): void => {
      const taker = takers.shift()
      if (taker === undefined) waiting.push(value)
      else taker(value)
    },
    next: (): Promise<unknown> =>
      waiting.length > 0 ? Promise.resolve(waiting.shift()) : new Promise((resolve) => takers.push(resolve)),
  }
}

/** The contract of every Isolation, over the handlers of isolation/tiny-tasks.ts. What only a process can do comes beside it. */
export const describeIsolation = (name: string, setup: Setup<IsolationWorld>): void => {
  describe(`an isolated attempt (${name})`, () => {
    const world = useWorld(setup)

    it('ends as its handler returns, which was begun once, with its payload', async () => {
      const { request, seen } = await createAttempt('echo', '{"a":[1]}')
      const text = '{"payload":{"a":[1]},"attempt":1}'
      expect(await world().isolation.run(request)).toEqual({ kind: 'returned', result: { kind: 'text', text } })
      expect(seen).toEqual(['begun'])
    })

    it('ends as its handler throws, with the cause of the error', async () => {
      const { request } = await createAttempt('refuse')
      expect(await world().isolation.run(request)).toMatchObject({
        kind: 'threw',
        failure: { cause: 'permanent-error', error: { message: 'never' } },
      })
    })

    it('says of a result that it is no JSON', async () => {
      const { request } = await createAttempt('unserializable')
      expect(await world().isolation.run(request)).toMatchObject({ kind: 'returned', result: { kind: 'not-json' } })
    })

    it('threw, and was never begun, when there is no handler for it', async () => {
      const { request, seen } = await createAttempt('unknown')
      expect(await world().isolation.run(request)).toMatchObject({
        kind: 'threw',
        failure: { cause: 'handler-error', error: { message: expect.stringContaining('no handler for unknown') } },
      })
      expect(seen).toEqual([])
    })

    it('reports and logs through the context that it was given', async () => {
      const { request, seen, logger } = await createAttempt('report')
      expect(await world().isolation.run(request)).toMatchObject({ kind: 'returned' })
      expect(seen).toEqual(['begun', 'half'])
      expect(logger.lines).toMatchObject([{ level: 'info', fields: { count: 1 }, message: 'said' }])
    })

    it('performs its effects by the ledger, for its own run', async () => {
      const { request, memory } = await createAttempt('effect')
      const ending = await world().isolation.run(request)
      const [effect] = await memory.ledger.list(request.task.taskId)
      expect(effect).toMatchObject({ name: 'send', state: 'completed', attempt: 1 })
      expect(ending).toEqual({ kind: 'returned', result: { kind: 'text', text: effect?.result } })
    })

    it.each(['cancelled', 'timeout', 'shutdown'] as const)(
      'is aborted with the cause of its signal: %s',
      async (cause) => {
        const { request, abort, nextReport } = await createAttempt('obey')
        const ending = world().isolation.run(request)
        await nextReport()
        abort(cause)
        expect(await ending).toEqual({ kind: 'returned', result: { kind: 'text', text: JSON.stringify(cause) } })
      },
    )

    it('is aborted from the start when its signal was before', async () => {
      const { request, abort } = await createAttempt('obey')
      abort('cancelled')
      expect(await world().isolation.run(request)).toMatchObject({ result: { text: '"cancelled"' } })
    })

    it('takes a place while it runs, and gives it back', async () => {
      const { isolation, places } = world()
      // A process of the case before may still be ending.
      const expectFree = (count: number) => expect.poll(() => isolation.freeCount(), { timeout: 10_000 }).toBe(count)
      await expectFree(places)
      const attempts = await Promise.all([createAttempt('obey'), createAttempt('obey')])
      const endings = attempts.map(({ request }) => isolation.run(request))
      await Promise.all(attempts.map(({ nextReport }) => nextReport()))
      expect(isolation.freeCount()).toBe(places - 2)
      for (const { abort } of attempts) abort('cancelled')
      await Promise.all(endings)
      await expectFree(places)
    })
  })
}
