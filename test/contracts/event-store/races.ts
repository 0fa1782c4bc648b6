import { describe, expect, it } from 'vitest'
import { type AppendVerdict, isStored } from '#application/ports/events/event-store.ts'
import { noTask, type Task } from '#domain/task/state.ts'
import { expectHeadsToEqualFolds } from '../../support/heads.ts'
import { mintAppendId, mintTaskId } from '../../support/ids.ts'
import { fail, start, succeed } from '../../support/run-commands.ts'
import {
  appendCommand,
  makeAppend,
  makeSubmission,
  range,
  submit,
  submitMany,
  submitTo,
} from '../../support/task-builders.ts'
import type { EventStoreWorld } from './world.ts'

export const describeRaces = (world: () => EventStoreWorld): void => {
  describe('appends at the same moment', () => {
    const kindsOf = (verdicts: readonly AppendVerdict[]) => verdicts.map((verdict) => verdict.kind).toSorted()

    it.each([
      ['a first append', 'first'],
      ['a later append', 'later'],
    ] as const)('store %s once when it is sent twice', async (_, which) => {
      const { store } = world()
      const pending = await submitTo(world())
      const submission = { ...pending.facts.submission }
      const append = which === 'first' ? makeAppend(noTask, submit(submission)) : makeAppend(pending, start(pending))
      const verdicts = await Promise.all([store.append(append), store.append(append)])
      const instants = new Set(verdicts.map((verdict) => isStored(verdict) && verdict.recordedAt))
      expect(kindsOf(verdicts)).toEqual(['already', 'appended'])
      expect(instants.size).toBe(1)
      expect((await store.loadStream(append.taskId)).events).toHaveLength(append.head.version)
    })

    it('store one of twenty different ones at the same version', async () => {
      const { store } = world()
      const pending = await submitTo(world())
      const appends = range(20).map(() => makeAppend(pending, start(pending)))
      const verdicts = await Promise.all(appends.map((append) => store.append(append)))
      const winner = appends[verdicts.findIndex((verdict) => verdict.kind === 'appended')]
      const { events } = await store.loadStream(pending.taskId)
      expect(kindsOf(verdicts)).toEqual(['appended', ...range(19).map(() => 'conflict')])
      expect(verdicts.filter((verdict) => verdict.kind === 'conflict' && verdict.headVersion !== 2)).toEqual([])
      expect(events.map((event) => event.appendId).slice(1)).toEqual([winner?.appendId])
      await expectHeadsToEqualFolds(world(), [pending.taskId])
    })

    it('store one of twenty different beginnings of a stream', async () => {
      const { store, routes } = world()
      const submission = makeSubmission()
      await routes.learn([submission])
      const taskId = mintTaskId()
      const appends = range(20).map(() => makeAppend(noTask, submit(submission), { taskId }))
      const verdicts = await Promise.all(appends.map((append) => store.append(append)))
      expect(kindsOf(verdicts)).toEqual(['appended', ...range(19).map(() => 'conflict')])
      expect((await store.loadStream(taskId)).events).toHaveLength(1)
    })

    it('store whole appends only, when short and long ones meet', async () => {
      const { store } = world()
      const running = await Promise.all((await submitMany(world(), 20)).map((task) => begin(task)))
      const verdicts = await Promise.all(
        running.flatMap((task) => [
          store.append(makeAppend(task, fail(task))),
          store.append(makeAppend(task, succeed(task))),
        ]),
      )
      expect(verdicts.filter((verdict) => verdict.kind === 'appended')).toHaveLength(20)
      for (const task of running) {
        const types = (await store.loadStream(task.taskId)).events.map((event) => event.type).slice(2)
        expect([['Succeeded'], ['Failed', 'Retried']]).toContainEqual(types)
      }
      await expectHeadsToEqualFolds(
        world(),
        running.map((task) => task.taskId),
      )
    })

    it('store five hundred on as many streams', async () => {
      const { store } = world()
      const tasks = await submitMany(world(), 500)
      const taskIds = tasks.map((task) => task.taskId)
      const { streams } = await store.loadStreams(taskIds)
      expect(streams.size).toBe(500)
      const verdicts = await Promise.all(tasks.map((task) => store.append(makeAppend(task, start(task)))))
      expect(new Set(kindsOf(verdicts))).toEqual(new Set(['appended']))
      await expectHeadsToEqualFolds(world(), taskIds)
    })

    it('tell each of two workers which of many tasks it has won', async () => {
      const { store } = world()
      const tasks = await submitMany(world(), 50)
      const claim = (task: Task) => store.append(makeAppend(task, start(task)))
      const verdicts = await Promise.all([...tasks.map(claim), ...tasks.toReversed().map(claim)])
      expect(kindsOf(verdicts)).toEqual([...range(50).map(() => 'appended'), ...range(50).map(() => 'conflict')])
    })

    const begin = (task: Task): Promise<Task> => appendCommand(world().store, task, start(task))
  })
}

export const describeLostRuns = (world: () => EventStoreWorld): void => {
  describe('a run whose start was lost with the last commits of a failover', () => {
    const begin = async (task?: Task): Promise<Task> => {
      const pending = task ?? (await submitTo(world()))
      return appendCommand(world().store, pending, start(pending))
    }
    /** Another run of the same number, as it was before its start was lost. */
    const makeLost = (task: Task): Task => (task.status === 'PROCESSING' ? { ...task, claim: mintAppendId() } : task)

    it.each(['ended', 'tried before'] as const)('is not begun on a task that is %s at its version', async (how) => {
      const { store, index } = world()
      const pending = await submitTo(world())
      const moved =
        how === 'ended'
          ? await appendCommand(store, pending, { type: 'Cancel' })
          : await begin(pending).then((task) => appendCommand(store, task, fail(task)))
      // As it stood at this version in the history that was lost.
      const lost: Task = { ...pending, version: moved.version }
      const verdict = await store.append(makeAppend(lost, start(lost)))
      expect(verdict).toEqual({ kind: 'conflict', headVersion: moved.version })
      expect((await store.loadStream(pending.taskId)).events).toHaveLength(moved.version)
      await expectHeadsToEqualFolds({ store, index }, [pending.taskId])
    })

    it.each([
      ['alone', 0],
      ['in a batch', 20],
    ])('is not recorded over another run of its number, %s', async (_, neighbours) => {
      const { store, index } = world()
      const running = await begin()
      const lost = makeLost(running)
      const others = await Promise.all(range(neighbours).map(() => begin()))
      const appends = [...others, lost].map((task) => makeAppend(task, succeed(task)))
      appends.push(makeAppend(makeLost(others[0] ?? lost), { type: 'Cancel' }))
      const verdicts = await Promise.all(appends.map((append) => store.append(append)))
      expect(verdicts[neighbours]).toEqual({ kind: 'conflict', headVersion: running.version })
      expect(verdicts.at(-1)?.kind).toBe('conflict')
      expect(verdicts.filter(isStored)).toHaveLength(neighbours)
      expect((await store.loadStream(running.taskId)).events).toHaveLength(running.version)
      await expectHeadsToEqualFolds(
        { store, index },
        appends.map(({ taskId }) => taskId),
      )
      await appendCommand(store, running, succeed(running))
    })
  })
}
