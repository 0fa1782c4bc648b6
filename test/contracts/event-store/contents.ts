import { describe, expect, it } from 'vitest'
import type { EventContext, JsonText } from '#domain/task/events.ts'
import { noTask } from '#domain/task/state.ts'
import { fail, start, succeed } from '../../support/run-commands.ts'
import { appendCommand, loadTask, makeAppend, makeSubmission, submit, submitTo } from '../../support/task-builders.ts'
import type { EventStoreWorld } from './world.ts'

/** Legal JSON that a store which parsed it would write differently. */
const texts: readonly (readonly [string, JsonText])[] = [
  ['null', 'null'],
  ['an empty string', '""'],
  ['characters of every plane', '"grün 漢字 🧑‍🚀 ￿"'],
  ['escapes', String.raw`"\ud83d\ude00 \u00e9 \u0001 \/ \n \\u0000 \\ud83d"`],
  ['white space', ' { "b" : [ 1 ,\n\t2 ] , "a" : { } } '],
  ['keys in their order, and twice', '{"z":1,"a":2,"10":3,"9":4,"a":5}'],
  ['keys that prototypes have', '{"__proto__":{"polluted":true},"constructor":{"prototype":1},"toString":null}'],
  ['numbers as they were spelled', '[1e308,-1E+2,0.10,-0,1.0,9007199254740993,5e-324,123456789012345678901234567890]'],
  ['a hundred arrays in one another', '['.repeat(100) + ']'.repeat(100)],
  ['a hundred objects in one another', '{"a":'.repeat(100) + '1' + '}'.repeat(100)],
  ['the largest payload', `"${'x'.repeat(262_142)}"`],
  ['the largest payload of wide characters', `"${'漢'.repeat(87_380)}"`],
]

export const describeContents = (world: () => EventStoreWorld): void => {
  describe('stored content', () => {
    it.each(texts)('comes back to the letter: a payload of %s', async (_, payload) => {
      const task = await submitTo(world(), makeSubmission({ payload }))
      expect((await loadTask(world().store, task.taskId)).facts.submission.payload).toBe(payload)
    })

    it.each(texts)('comes back to the letter: a result of %s', async (_, result) => {
      const pending = await submitTo(world())
      const running = await appendCommand(world().store, pending, start(pending))
      const ended = await appendCommand(world().store, running, succeed(running, result))
      expect(await loadTask(world().store, pending.taskId)).toEqual({ ...ended, result })
    })

    it('comes back whole: a submission with every member', async () => {
      const submission = makeSubmission({
        payload: '{"a":1}',
        priority: -100,
        maxAttempts: 100,
        timeoutMs: 86_400_000,
        retry: { strategy: 'fixed', baseMs: 0, maxMs: 604_800_000, jitter: 'full' },
        tags: ['a', 'ü 🧑‍🚀', '"quoted"', 'a'],
      })
      const { taskId } = await submitTo(world(), submission, { delayMs: 315_576_000_000 })
      const { events } = await world().store.loadStream(taskId)
      expect(events[0]).toMatchObject({ type: 'Submitted', data: { ...submission, delayMs: 315_576_000_000 } })
      expect(events[0]?.data).not.toHaveProperty('runAt')
    })

    it('comes back whole: the instant a task is to run at', async () => {
      const { taskId } = await submitTo(world(), makeSubmission(), { runAt: 1_767_225_600_123 })
      const { events } = await world().store.loadStream(taskId)
      expect(events[0]).toMatchObject({ data: { runAt: 1_767_225_600_123 } })
      expect(events[0]?.data).not.toHaveProperty('delayMs')
    })

    it.each([
      ['a stack', { name: 'TypeError', message: 'x is not a function', stack: 'TypeError: x\n    at f (a.ts:1:1)' }],
      [
        'causes',
        {
          name: 'TypeError',
          message: 'fetch failed',
          causes: [
            { name: 'AggregateError', message: '', code: 'ECONNREFUSED', stack: 'at f (a.ts:1:1)' },
            { name: 'Error', message: 'connect 🧨 ::1' },
          ],
        },
      ],
      ['no stack', { name: 'Fehler', message: 'Übertragung 🧨 "abgelehnt"\n\\u0000 \t\u007f' }],
      ['an empty message', { name: '', message: '' }],
      ['a message of 4 KiB', { name: 'Error', message: '漢'.repeat(1_365) }],
    ])('comes back whole: an error with %s', async (_, error) => {
      const pending = await submitTo(world())
      const running = await appendCommand(world().store, pending, start(pending))
      await appendCommand(world().store, running, fail(running, { error }))
      const { events } = await world().store.loadStream(pending.taskId)
      const failed = events[2]
      expect(failed?.type === 'Failed' && failed.data.error).toStrictEqual(error)
    })

    it.each<[string, EventContext]>([
      [
        'every member',
        {
          actor: 'Ada Lovelace <ada@example.org>',
          reason: 'weil es „eilt“ 🏃',
          correlationId: 'order 4711',
          causationId: '01920000-0000-7000-8000-0000000000a1',
          traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        },
      ],
      ['one member', { reason: '' }],
      ['no members', {}],
    ])('comes back whole: a context of %s, with each event of its append', async (_, context) => {
      const { store, routes } = world()
      const submission = makeSubmission()
      await routes.learn([submission])
      const first = makeAppend(noTask, submit(submission), { context })
      await store.append(first)
      const pending = await loadTask(store, first.taskId)
      const running = await appendCommand(store, pending, start(pending), { context })
      await appendCommand(store, running, fail(running), { context })
      const { events } = await store.loadStream(first.taskId)
      expect(events.map((event) => event.context)).toStrictEqual([context, context, context, context])
    })

    it('stays as it was when the appended objects are changed afterwards', async () => {
      const { store, routes } = world()
      const tags = ['kept']
      const submission = makeSubmission({ tags })
      await routes.learn([submission])
      const append = makeAppend(noTask, submit(submission))
      const verdict = store.append(append)
      await verdict
      tags.push('added later')
      expect((await loadTask(store, append.taskId)).facts.submission.tags).toEqual(['kept'])
    })
  })
}
