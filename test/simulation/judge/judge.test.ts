import { describe, expect, it } from 'vitest'
import { createSeededRandom } from '#adapters/memory/surroundings/seeded-random.ts'
import { createMemoryIdentities } from '#adapters/memory/surroundings/identities.ts'
import { createMemoryLogger } from '#adapters/memory/surroundings/logger.ts'
import type { HandlerContext } from '#application/ports/task-handler.ts'
import type { TaskCommand } from '#domain/task/commands.ts'
import { noTask, type Task, type TaskState } from '#domain/task/state.ts'
import { makeAppend, makeSubmission, submit, toTask } from '../../support/task-builders.ts'
import { planCourse } from '../course/plan.ts'
import { createDatabaseServer } from '../server/database-server.ts'
import { createHost } from '../world/host.ts'
import { createWorld } from '../world/world.ts'
import { createJudge } from './judge.ts'

const leaseMs = 6_000

/** A judge of a course in which nothing happens but what the test does. */
const open = () => {
  const world = createWorld(planCourse({ seed: 1 }), undefined)
  const server = createDatabaseServer(world)
  const judge = createJudge(world, server)
  const ids = createMemoryIdentities(server.storeClock, createSeededRandom(1))

  const append = async (state: TaskState, command: TaskCommand): Promise<Task> => {
    const built = makeAppend(state, command, { taskId: ids.mintTaskId(), appendId: ids.mintAppendId() })
    const { verdicts, recordedMs } = await server.appendBatch([built], 'skip-locked')
    expect(verdicts[0]?.kind).toBe('appended')
    return toTask(state, built, recordedMs)
  }
  const startWorker = (name: string, acknowledgedSentAtMs = 0) => {
    const host = createHost(name, 'worker', 'new')
    const incarnation = ids.mintIncarnation()
    judge.leaseBegan(host, { incarnation, leaseMs, acknowledgedSentAtMs: () => acknowledgedSentAtMs })
    return { host, incarnation }
  }
  const startTask = async (incarnation: ReturnType<typeof startWorker>['incarnation']): Promise<Task> => {
    const submitted = await append(noTask, submit(makeSubmission()))
    return append(submitted, { type: 'Start', incarnation, now: server.storeClock.now() })
  }
  const toContext = ({ taskId, facts }: Task, controller = new AbortController()): HandlerContext => ({
    taskId,
    attempt: facts.attempt,
    signal: controller.signal,
    log: createMemoryLogger(),
    progress: () => {},
    effect: () => Promise.reject(new Error('no effects here')),
  })
  return { world, server, judge, ids, append, startWorker, startTask, toContext }
}

describe('the judge of a simulation', () => {
  it('has nothing against the handler of a run in force', async () => {
    const { world, judge, startWorker, startTask, toContext } = open()
    const { host, incarnation } = startWorker('a')
    judge.handlerBegan(host, toContext(await startTask(incarnation)))
    expect(world.breaches).toEqual([])
  })

  it('sees two handlers of one task at work', async () => {
    const { world, judge, startWorker, startTask, toContext } = open()
    const { host, incarnation } = startWorker('a')
    const task = await startTask(incarnation)
    judge.handlerBegan(host, toContext(task))
    judge.handlerBegan(host, toContext(task))
    expect(world.breaches).toEqual([expect.stringContaining('two handlers of')])
  })

  it('lets a second handler be when the first was told to stop, has ended, or has lost its lease', async () => {
    const { world, judge, startWorker, startTask, toContext } = open()
    const { host, incarnation } = startWorker('a')
    const task = await startTask(incarnation)
    const stopped = new AbortController()
    judge.handlerBegan(host, toContext(task, stopped))
    stopped.abort()
    judge.handlerBegan(host, toContext(task)).ended()
    const { host: late } = startWorker('b', -leaseMs)
    judge.handlerBegan(late, toContext(task))
    judge.handlerBegan(host, toContext(task))
    expect(world.breaches).toEqual([])
  })

  it('sees a handler begin for a run that is not in force', async () => {
    const { world, judge, append, startWorker, startTask, toContext } = open()
    const { host, incarnation } = startWorker('a')
    const task = await startTask(incarnation)
    if (task.status !== 'PROCESSING') throw new Error('it runs')
    await append(task, { type: 'Succeed', run: task.run, result: '{"host":"a"}' })
    judge.handlerBegan(host, toContext(task))
    expect(world.breaches).toEqual([expect.stringContaining('began on a after Succeeded')])
  })

  it('sees the result of a process that had not begun the run', async () => {
    const { world, append, startWorker, startTask } = open()
    const task = await startTask(startWorker('a').incarnation)
    if (task.status !== 'PROCESSING') throw new Error('it runs')
    await append(task, { type: 'Succeed', run: task.run, result: '{"host":"b"}' })
    expect(world.breaches).toEqual([expect.stringContaining('is of b')])
  })

  it('sees an event that may not follow', async () => {
    const { world, server, ids, startWorker, startTask } = open()
    const task = await startTask(startWorker('a').incarnation)
    const legal = makeAppend(task, { type: 'Cancel' }, { appendId: ids.mintAppendId() })
    await server.appendBatch([{ ...legal, events: [{ type: 'Rescheduled', data: { delayMs: 0 } }] }], 'skip-locked')
    expect(world.breaches).toEqual([expect.stringContaining('the order SBW')])
  })

  it('sees one effect performed with two keys, and answered with two results', async () => {
    const { world, judge, startWorker, startTask, toContext } = open()
    const { host, incarnation } = startWorker('a')
    const context = toContext(await startTask(incarnation))
    for (const key of ['one', 'one', 'two']) judge.effectBegan(host, context, 'charge', key)
    for (const receipt of [1, 1, 2]) judge.effectEnded(context, 'charge', receipt)
    expect(world.breaches).toEqual([
      expect.stringContaining('performed with two keys'),
      expect.stringContaining('has two results'),
    ])
  })
})
