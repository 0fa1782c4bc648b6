import { describe, expect, it } from 'vitest'
import { explainTask } from '#application/queries/explain-task.ts'
import type { TaskCommand } from '#domain/task/commands.ts'
import type { Task } from '#domain/task/state.ts'
import type { Due } from '#domain/time.ts'
import { mintIncarnation, mintTaskId } from '../../support/ids.ts'
import { createMemoryWorld } from '../../support/memory-world.ts'
import { declareLost, fail, runOf, start, succeed } from '../../support/run-commands.ts'
import { appendCommand, makeSubmission, submitTo } from '../../support/task-builders.ts'

const leaseMs = 15_000

interface WorkerFacts {
  readonly types?: readonly string[]
  readonly queues?: readonly string[]
  readonly concurrency?: number
}

const createSituation = () => {
  const world = createMemoryWorld()
  const submission = makeSubmission({ queue: 'mail', type: 'letter' })
  const explain = (task: Task) => explainTask(world, task.taskId)
  return {
    world,
    explain,
    codesOf: async (task: Task) => (await explain(task))?.because.map((reason) => reason.code),
    submit: (due: Due = { delayMs: 0 }, maxAttempts = 5) => submitTo(world, { ...submission, maxAttempts }, due),
    apply: (task: Task, command: TaskCommand) => appendCommand(world.store, task, command),
    addWorker: async ({ types = ['letter'], queues, concurrency = 1 }: WorkerFacts = {}) => {
      const incarnation = mintIncarnation()
      const description = { incarnation, host: 'alpha', pid: 77, queues, types, concurrency, leaseMs, beatMs: 3_000 }
      return { incarnation, heart: await world.registry.register(description) }
    },
  }
}

describe('a pending task', () => {
  it('is not due, and says when it is', async () => {
    const { world, explain, submit } = createSituation()
    const task = await submit({ delayMs: 60_000 })
    expect(await explain(task)).toMatchObject({
      because: [{ code: 'not-due' }],
      next: { what: 'ready', at: world.storeClock.now() + 60_000 },
    })
  })

  it('says what the failure came from', async () => {
    const { explain, submit, apply } = createSituation()
    const running = await submit().then((task) => apply(task, start(task)))
    const causes = [
      { name: 'AggregateError', message: 'no address', code: 'ECONNREFUSED' },
      { name: 'Error', message: 'connect ECONNREFUSED ::1', code: 'ECONNREFUSED' },
    ]
    const retrying = await apply(
      running,
      fail(running, { error: { name: 'TypeError', message: 'fetch failed', causes } }),
    )
    const explanation = await explain(retrying)
    expect(explanation?.because[0]?.message).toBe(
      'attempt 1 failed (handler-error): TypeError: fetch failed, because of AggregateError: no address (ECONNREFUSED), ' +
        'because of Error: connect ECONNREFUSED ::1',
    )
  })

  it('waits for its retry, and says what failed', async () => {
    const { world, explain, submit, apply } = createSituation()
    const running = await submit().then((task) => apply(task, start(task)))
    const retrying = await apply(running, fail(running))
    const explanation = await explain(retrying)
    expect(explanation?.because.map((reason) => reason.code)).toEqual(['waiting-for-retry'])
    expect(explanation?.because[0]?.message).toContain('the receiver said no')
    expect(explanation?.next).toEqual({ what: 'ready', at: world.storeClock.now() + 1_000 })
  })

  it('waits for a process of its own after two workers died with it', async () => {
    const { codesOf, submit, apply, addWorker } = createSituation()
    await addWorker()
    let task = await submit()
    for (const _ of [1, 2]) {
      const running = await apply(task, start(task))
      task = await apply(running, declareLost(running))
    }
    expect(await codesOf(task)).toEqual(['isolated'])
  })

  it.each([
    ['there is no worker', undefined, 'no-worker-for-type'],
    ['no worker has its type', { types: ['parcel'] }, 'no-worker-for-type'],
    ['no worker with its type serves its queue', { queues: ['post'] }, 'no-worker-for-queue'],
  ] as const)('is not taken because %s', async (_, worker, code) => {
    const { codesOf, submit, addWorker } = createSituation()
    if (worker !== undefined) await addWorker(worker)
    expect(await codesOf(await submit())).toEqual([code])
  })

  it.each([
    ['is silent', 'no-worker-for-type'],
    ['is draining', 'no-worker-for-type'],
    ['has ended', 'no-worker-for-type'],
  ] as const)('does not count on a worker that %s', async (what, code) => {
    const { world, codesOf, submit, addWorker } = createSituation()
    const { incarnation, heart } = await addWorker()
    if (what === 'is draining') heart.report({ running: 0, state: 'draining' })
    if (what === 'has ended') await heart.stop()
    await world.advance(3_000)
    const row = world.database.workers.get(incarnation)
    if (row !== undefined && what === 'is silent') {
      world.database.workers.set(incarnation, { ...row, lastBeatAt: world.storeClock.now() - leaseMs })
    }
    expect(await codesOf(await submit())).toEqual([code])
  })

  it.each([undefined, ['post', 'mail']])('is about to be taken by a worker that serves %j', async (queues) => {
    const { explain, submit, addWorker } = createSituation()
    await addWorker(queues === undefined ? {} : { queues })
    expect(await explain(await submit())).toMatchObject({ because: [], next: undefined })
  })

  it('waits because the workers are busy, by what they claimed and by what they say', async () => {
    const { world, codesOf, submit, apply, addWorker } = createSituation()
    const { incarnation, heart } = await addWorker({ concurrency: 2 })
    const tasks = [await submit(), await submit(), await submit()] as const
    await apply(tasks[0], start(tasks[0], incarnation))
    expect(await codesOf(tasks[2])).toEqual([])
    await apply(tasks[1], start(tasks[1], incarnation))
    expect(await codesOf(tasks[2])).toEqual(['workers-busy'])
    await addWorker()
    expect(await codesOf(tasks[2])).toEqual([])
    const other = await addWorker()
    expect(await codesOf(tasks[2])).toEqual([])
    heart.report({ running: 2, state: 'live' })
    other.heart.report({ running: 1, state: 'live' })
    await world.advance(3_000)
    expect(await codesOf(tasks[2])).toEqual([])
  })

  it('waits while handlers that were given up on keep every slot', async () => {
    const { world, codesOf, submit, addWorker } = createSituation()
    const { heart } = await addWorker()
    heart.report({ running: 1, state: 'live' })
    await world.advance(3_000)
    expect(await codesOf(await submit())).toEqual(['workers-busy'])
  })
})

describe('a running task', () => {
  it('names its worker, and when its time is over', async () => {
    const { world, explain, submit, apply, addWorker } = createSituation()
    const { incarnation } = await addWorker()
    const running = await submit().then((task) => apply(task, start(task, incarnation)))
    const explanation = await explain(running)
    expect(explanation?.because).toEqual([{ code: 'running-on', message: 'attempt 1 runs on alpha, process 77' }])
    expect(explanation?.next).toEqual({ what: 'time-limit', at: world.storeClock.now() + 60_000 })
    const cancelling = await apply(running, { type: 'Cancel' })
    expect((await explain(cancelling))?.because.map((reason) => reason.code)).toEqual([
      'cancel-requested',
      'running-on',
    ])
  })

  it.each(['was never registered', 'has ended', 'gives no sign of life'] as const)(
    'says that its worker is silent when it %s',
    async (what) => {
      const { world, codesOf, submit, apply, addWorker } = createSituation()
      const { incarnation, heart } = await addWorker()
      const task = await submit()
      const running = await apply(task, start(task, what === 'was never registered' ? mintIncarnation() : incarnation))
      if (what === 'has ended') await heart.stop()
      const row = world.database.workers.get(incarnation)
      if (row !== undefined && what === 'gives no sign of life') {
        world.database.workers.set(incarnation, { ...row, lastBeatAt: world.storeClock.now() - leaseMs })
      }
      expect(await codesOf(running)).toEqual(['worker-silent'])
    },
  )
})

describe('an ended task', () => {
  it('is finished, or was cancelled', async () => {
    const { explain, submit, apply } = createSituation()
    const running = await submit().then((task) => apply(task, start(task)))
    const succeeded = await apply(running, succeed(running))
    const pending = await submit()
    const cancelled = await apply(pending, { type: 'Cancel' })
    expect(await explain(succeeded)).toMatchObject({ because: [{ code: 'finished' }], next: undefined })
    expect(await explain(cancelled)).toMatchObject({ because: [{ code: 'cancelled' }], next: undefined })
  })

  it.each([
    ['handler-error', 1, 'attempts-exhausted'],
    ['timeout', 1, 'attempts-exhausted'],
    ['permanent-error', 5, 'permanent-error'],
    ['payload-invalid', 5, 'payload-invalid'],
    ['effect-changed', 5, 'effect-changed'],
    ['effect-in-doubt', 5, 'effect-in-doubt'],
  ] as const)('failed by %s, of %i attempts: %s', async (cause, maxAttempts, code) => {
    const { codesOf, submit, apply } = createSituation()
    const running = await submit({ delayMs: 0 }, maxAttempts).then((task) => apply(task, start(task)))
    expect(await codesOf(await apply(running, fail(running, { cause })))).toEqual([code])
  })

  it('failed by crashes', async () => {
    const { codesOf, submit, apply } = createSituation()
    const first = await submit().then((task) => apply(task, start(task)))
    const again = await apply(first, fail(first, { cause: 'crash' }))
    const second = await apply(again, start(again))
    expect(await codesOf(await apply(second, fail(second, { cause: 'crash' })))).toEqual(['crash-loop'])
  })

  it('says what its last failure was, a lost worker included', async () => {
    const { explain, submit, apply } = createSituation()
    const running = await submit({ delayMs: 0 }, 1).then((task) => apply(task, start(task)))
    expect(runOf(running)).toBe(2)
    const lost = await apply(running, declareLost(running))
    expect((await explain(lost))?.because[0]?.message).toContain('gave no sign of life')
  })
})

it('there is nothing to explain about a task that does not exist', async () => {
  expect(await explainTask(createMemoryWorld(), mintTaskId())).toBeUndefined()
})
