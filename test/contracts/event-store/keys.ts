import { describe, expect, it } from 'vitest'
import { type Append, UnstorableAppendError } from '#application/ports/events/event-store.ts'
import type { SubmitKey } from '#application/ports/events/submit-keys.ts'
import { noTask } from '#domain/task/state.ts'
import { expectHeadsToEqualFolds } from '../../support/heads.ts'
import { mintAppendId } from '../../support/ids.ts'
import { start } from '../../support/run-commands.ts'
import {
  appendCommand,
  loadTask,
  makeAppend,
  makeKey,
  makeName,
  makeSubmission,
  range,
  submit,
  submitTo,
} from '../../support/task-builders.ts'
import type { EventStoreWorld } from './world.ts'

export const describeKeys = (world: () => EventStoreWorld): void => {
  const submission = makeSubmission()
  const makeFirst = (key: SubmitKey): Append => makeAppend(noTask, submit(submission), { key })
  const countStored = async (appends: readonly Append[]): Promise<number> =>
    (await world().store.loadStreams(appends.map(({ taskId }) => taskId))).streams.size

  describe('a key', () => {
    it('is taken by the first append, and every later one is told which task has it', async () => {
      const { store } = world()
      const key = makeKey()
      const [first, second, third] = [makeFirst(key), makeFirst(key), makeFirst(makeKey('other', key.key))]
      expect(await store.append(first)).toMatchObject({ kind: 'appended' })
      const duplicate = { kind: 'duplicate', taskId: first.taskId, fingerprint: key.fingerprint }
      expect(await store.append(second)).toEqual(duplicate)
      expect(await store.append(third)).toEqual(duplicate)
      expect(await countStored([first, second, third])).toBe(1)
      await expectHeadsToEqualFolds(world(), [first.taskId])
    })

    it('makes one task of twenty appends at once', async () => {
      const { store } = world()
      const key = makeKey()
      const appends = range(20).map(() => makeFirst(key))
      const others = range(20).map(() => makeFirst(makeKey()))
      const verdicts = await Promise.all(appends.map((append) => store.append(append)))
      const beside = await Promise.all(others.map((append) => store.append(append)))
      const winner = appends[verdicts.findIndex(({ kind }) => kind === 'appended')]
      const expected = { kind: 'duplicate', taskId: winner?.taskId, fingerprint: key.fingerprint }
      expect(verdicts.filter(({ kind }) => kind !== 'appended')).toEqual(range(19).map(() => expected))
      expect(new Set(beside.map(({ kind }) => kind))).toEqual(new Set(['appended']))
      expect(await countStored(appends)).toBe(1)
    })

    it('is another key in another scope, and each scope is told its own holder', async () => {
      const { store } = world()
      const key = makeKey()
      const scoped = ['', 'ada', 'zoe'].map((scope) => ({ ...key, scope }))
      const holders = scoped.map(makeFirst)
      for (const holder of holders) expect(await store.append(holder)).toMatchObject({ kind: 'appended' })
      for (const [place, scope] of scoped.entries()) {
        expect(await store.append(makeFirst(scope))).toEqual({
          kind: 'duplicate',
          taskId: holders[place]?.taskId,
          fingerprint: key.fingerprint,
        })
      }
    })

    it('is not confused with another split of the same characters into scope and key', async () => {
      const { store } = world()
      const name = makeName()
      const [one, other] = [makeKey('a task', `b${name}`), makeKey('a task', name)]
      expect(await store.append(makeFirst({ ...one, scope: 'a' }))).toMatchObject({ kind: 'appended' })
      expect(await store.append(makeFirst({ ...other, scope: 'ab' }))).toMatchObject({ kind: 'appended' })
    })

    it('is met by its own append as already stored, also after the task went on', async () => {
      const { store } = world()
      const key = makeKey()
      const append = makeFirst(key)
      const verdict = await store.append(append)
      const recordedAt = verdict.kind === 'appended' ? verdict.recordedAt : undefined
      expect(await store.append(append)).toEqual({ kind: 'already', recordedAt, headVersion: 1 })
      const pending = await loadTask(store, append.taskId)
      await appendCommand(store, pending, start(pending))
      expect(await store.append(append)).toEqual({ kind: 'already', recordedAt, headVersion: 2 })
      // It is still held by that task.
      const duplicate = { kind: 'duplicate', taskId: append.taskId, fingerprint: key.fingerprint }
      expect(await store.append(makeFirst(key))).toEqual(duplicate)
    })

    it('is free when the append that brought it could not be stored', async () => {
      const { store } = world()
      const key = makeKey()
      const bad = makeAppend(noTask, submit({ ...submission, payload: String.raw`"\u0000"` }), { key })
      await expect(store.append(bad)).rejects.toBeInstanceOf(UnstorableAppendError)
      const good = makeFirst(key)
      expect(await store.append(good)).toMatchObject({ kind: 'appended' })
    })

    it('is free when the stream that its append would begin exists', async () => {
      const { store } = world()
      const existing = await submitTo(world())
      const key = makeKey()
      const late = makeAppend(noTask, submit(submission), { key, taskId: existing.taskId })
      expect(await store.append(late)).toEqual({ kind: 'conflict', headVersion: 1 })
      expect(await store.append(makeFirst(key))).toMatchObject({ kind: 'appended' })
    })

    it('that is held keeps no other append from being stored', async () => {
      const { store } = world()
      const key = makeKey()
      await store.append(makeFirst(key))
      const pending = await submitTo(world())
      const neighbours = [...range(10).map(() => makeAppend(noTask, submit(submission))), makeFirst(makeKey())]
      const verdicts = await Promise.all([
        ...neighbours.map((append) => store.append(append)),
        store.append(makeAppend(pending, start(pending))),
        store.append(makeFirst(key)),
      ])
      expect(verdicts.map(({ kind }) => kind)).toEqual([...range(12).map(() => 'appended'), 'duplicate'])
      await expectHeadsToEqualFolds(world(), [pending.taskId, ...neighbours.map(({ taskId }) => taskId)])
    })

    it.each([
      ['an empty key', { key: '' }],
      ['a long key', { key: 'k'.repeat(401) }],
      ['a long scope', { scope: 'k'.repeat(401) }],
      ['a NUL character', { key: 'a\0' }],
      ['half a surrogate pair', { scope: '\ud800' }],
      ['a fingerprint that is none', { fingerprint: 'ABC' }],
    ])('is refused with %s', async (_, fault) => {
      const append = makeFirst({ ...makeKey(), ...fault })
      await expect(world().store.append(append)).rejects.toBeInstanceOf(UnstorableAppendError)
    })

    it('of four hundred characters of three bytes, in a scope of as many, is taken', async () => {
      // Random characters, because a database may compress repeated ones.
      const many = range(400).map(() => String.fromCodePoint(0x4e00 + Math.floor(Math.random() * 20_000)))
      const append = makeFirst({ ...makeKey(), key: many.join(''), scope: many.toReversed().join('') })
      expect(await world().store.append(append)).toMatchObject({ kind: 'appended' })
    })

    it('is refused on an append that does not begin a stream', async () => {
      const pending = await submitTo(world())
      const append = { ...makeAppend(pending, start(pending)), key: makeKey() }
      await expect(world().store.append(append)).rejects.toBeInstanceOf(RangeError)
    })
  })

  describe('keys of appends that belong together', () => {
    it('refuse all of them when one is held with another fingerprint', async () => {
      const { store } = world()
      const key = makeKey()
      await store.append(makeFirst(key))
      const free = makeKey()
      const reusing = makeFirst(makeKey('something else', key.key))
      const together = [makeFirst(free), reusing, makeAppend(noTask, submit(submission))]
      expect(await store.appendAll(together)).toEqual({ kind: 'refused', conflicts: [], reused: [reusing.taskId] })
      expect(await countStored(together)).toBe(0)
      expect(await store.append(makeFirst(free))).toMatchObject({ kind: 'appended' })
    })

    it('answer the earlier task when they are held with the same fingerprint', async () => {
      const { store } = world()
      const key = makeKey()
      const earlier = makeFirst(key)
      await store.append(earlier)
      const together = [makeFirst(makeKey()), makeFirst(key), makeAppend(noTask, submit(submission))]
      const stored = { kind: 'stored', recordedAt: expect.any(Number) }
      expect(await store.appendAll(together)).toEqual({
        kind: 'appended',
        members: [stored, { kind: 'duplicate', taskId: earlier.taskId, fingerprint: key.fingerprint }, stored],
      })
      expect(await countStored(together)).toBe(2)
    })

    it('that are equal make one task, or none when they ask for different ones', async () => {
      const { store } = world()
      const [key, torn] = [makeKey(), makeKey()]
      const twins = [makeFirst(key), makeFirst(key)]
      expect(await store.appendAll(twins)).toMatchObject({
        members: [{ kind: 'stored' }, { kind: 'duplicate', taskId: twins[0]?.taskId }],
      })
      const unlike = [makeFirst(torn), makeFirst(makeKey('something else', torn.key))]
      expect(await store.appendAll(unlike)).toMatchObject({ kind: 'refused', reused: [unlike[1]?.taskId] })
      expect(await countStored([...twins, ...unlike])).toBe(1)
    })

    it('are theirs when they are sent again', async () => {
      const { store } = world()
      const together = range(5).map(() => makeFirst(makeKey()))
      const first = await store.appendAll(together)
      expect(await store.appendAll(together)).toEqual(first)
      const renamed = together.map((append) => ({ ...append, appendId: mintAppendId() }))
      expect(await store.appendAll(renamed)).toMatchObject({ kind: 'refused', reused: [] })
    })
  })
}
