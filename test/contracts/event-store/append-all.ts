import { describe, expect, it } from 'vitest'
import { type Append, UnstorableAppendError } from '#application/ports/events/event-store.ts'
import { noTask } from '#domain/task/state.ts'
import { expectHeadsToEqualFolds } from '../../support/heads.ts'
import { start, succeed } from '../../support/run-commands.ts'
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

export const describeAppendAll = (world: () => EventStoreWorld): void => {
  describe('appends that belong together', () => {
    const makeFirsts = async (count: number, differences = {}): Promise<readonly Append[]> => {
      const submission = makeSubmission(differences)
      await world().routes.learn([submission])
      return range(count).map(() => makeAppend(noTask, submit(submission)))
    }
    const taskIdsOf = (appends: readonly Append[]) => appends.map((append) => append.taskId)
    const countStored = async (appends: readonly Append[]) =>
      (await world().store.loadStreams(taskIdsOf(appends))).streams.size

    it('are all stored, a thousand of them, new streams beside old ones', async () => {
      const { store } = world()
      const starts = (await submitMany(world(), 500)).map((task) => makeAppend(task, start(task)))
      const appends = (await makeFirsts(500)).flatMap((first, index) => [first, starts[index] ?? first])
      const verdict = await store.appendAll(appends)
      const { streams } = await store.loadStreams(taskIdsOf(appends))
      const instants = appends.map(({ taskId }) => {
        const content = streams.get(taskId)
        return content?.kind === 'events' ? content.events.at(-1)?.recordedAt : undefined
      })
      expect(verdict).toEqual({
        kind: 'appended',
        members: instants.map((recordedAt) => ({ kind: 'stored', recordedAt })),
      })
      await expectHeadsToEqualFolds(world(), taskIdsOf(appends))
    })

    it('are stored in whatever order they are given', async () => {
      const appends = (await makeFirsts(20)).toReversed()
      expect(await world().store.appendAll(appends)).toMatchObject({ kind: 'appended' })
      await expectHeadsToEqualFolds(world(), taskIdsOf(appends))
    })

    it('are none of them stored when some are at the wrong version, and those are named', async () => {
      const { store } = world()
      const [moved, alsoMoved, still] = await submitMany(world(), 3)
      if (moved === undefined || alsoMoved === undefined || still === undefined) throw new Error('three were submitted')
      const late = [moved, alsoMoved].map((task) => makeAppend(task, start(task)))
      await appendCommand(store, moved, start(moved))
      await appendCommand(store, alsoMoved, start(alsoMoved))
      const firsts = await makeFirsts(10)
      const inTime = makeAppend(still, start(still))
      const verdict = await store.appendAll([...firsts, ...late, inTime])
      expect(verdict.kind === 'refused' && verdict.conflicts.toSorted()).toEqual(
        [moved.taskId, alsoMoved.taskId].toSorted(),
      )
      expect(await countStored(firsts)).toBe(0)
      expect((await store.loadStream(still.taskId)).events).toHaveLength(1)
      await expectHeadsToEqualFolds(world(), taskIdsOf([...firsts, ...late, inTime]))
    })

    it('are none of them stored when a stream that must be new exists', async () => {
      const existing = await submitTo(world())
      const firsts = await makeFirsts(3)
      const again = makeAppend(noTask, submit(existing.facts.submission), { taskId: existing.taskId })
      const verdict = await world().store.appendAll([...firsts, again])
      expect(verdict).toEqual({ kind: 'refused', conflicts: [existing.taskId], reused: [] })
      expect(await countStored(firsts)).toBe(0)
    })

    it('are stored once when they are sent again, and keep their instants', async () => {
      const { store } = world()
      const appends = await makeFirsts(20)
      const first = await store.appendAll(appends)
      await world().advance(5)
      expect(await store.appendAll(appends)).toEqual(first)
      for (const { taskId } of appends) expect((await store.loadStream(taskId)).events).toHaveLength(1)
    })

    it('are completed when some of them were stored before', async () => {
      const { store } = world()
      const appends = await makeFirsts(6)
      await Promise.all(appends.slice(0, 3).map((append) => store.append(append)))
      expect(await store.appendAll(appends)).toMatchObject({ kind: 'appended' })
      expect(await countStored(appends)).toBe(6)
    })

    it('are stored once when they are sent twice at the same moment', async () => {
      const { store } = world()
      const appends = await makeFirsts(20)
      const [one, other] = await Promise.all([store.appendAll(appends), store.appendAll(appends)])
      expect(one).toMatchObject({ kind: 'appended' })
      expect(other).toEqual(one)
    })

    it('are none of them stored when one can never be', async () => {
      const { store } = world()
      const pending = await submitTo(world())
      const running = await appendCommand(store, pending, start(pending))
      const firsts = await makeFirsts(5)
      const bad = makeAppend(running, succeed(running, String.raw`"\u0000"`))
      await expect(store.appendAll([...firsts, bad])).rejects.toBeInstanceOf(UnstorableAppendError)
      expect(await countStored(firsts)).toBe(0)
      expect((await store.loadStream(pending.taskId)).events).toHaveLength(2)
    })

    it('are a thousand at most', async () => {
      const appends = await makeFirsts(1_001)
      await expect(world().store.appendAll(appends)).rejects.toBeInstanceOf(RangeError)
      expect(await countStored(appends.slice(0, 1_000))).toBe(0)
    })
  })
}
