import { describe, expect, test } from 'vitest'
import { toRecordedTask, toTaskChange } from '#domain/task/change.ts'
import { fold } from '#domain/task/evolve.ts'
import { noTask, type Task } from '#domain/task/state.ts'
import {
  cancelled,
  cancelRequested,
  failed,
  failedForGood,
  released,
  retried,
  started,
  submitted,
  succeeded,
} from './support/events.ts'
import { taskAfter } from './support/given.ts'
import { after, recorded, type Step } from './support/history.ts'
import { appendId, epoch, taskId } from './support/task-facts.ts'

const running = [submitted({}, { delayMs: 500 }), after(600, started(1))] as const

describe('a change of a task', () => {
  test.each<[string, readonly Step[], Parameters<typeof toTaskChange>[2]]>([
    ['a first one', [], [submitted({}, { delayMs: 500 })]],
    ['a start', [submitted()], [started(1)]],
    ['a success', running, [succeeded({ run: 2, attempt: 1 })]],
    ['a failure for now', running, [failed({ run: 2, attempt: 1 }), retried(250)]],
    ['a failure for good', running, [failedForGood({ run: 2, attempt: 1 })]],
    ['a release', running, [released({ run: 2, attempt: 1 })]],
    ['a request to cancel', running, [cancelRequested]],
    ['a cancellation', [submitted()], [cancelled('requested')]],
  ])('is, once it is recorded, what its recorded events fold to: %s', (_, history, events) => {
    const change = toTaskChange(fold(recorded(...history)), { taskId, appendId }, events)
    const recordedTask: Task = toRecordedTask(change, epoch + 900)
    const [first, ...rest] = events
    if (first === undefined) throw new RangeError('a change has events')
    const folded = taskAfter(...history, after(900, first), ...rest.map((event) => after(900, event)))
    expect(recordedTask).toEqual(folded)
    expect(recordedTask.times).toEqual(folded.times)
  })

  test('has events', () => {
    expect(() => toTaskChange(noTask, { taskId, appendId }, [])).toThrow(new RangeError('a change without events'))
    const change = toTaskChange(noTask, { taskId, appendId }, [submitted()])
    expect(() => toRecordedTask({ ...change, events: [] }, epoch)).toThrow(new RangeError('a change without events'))
  })
})

describe('the times of a task', () => {
  test('say that it has finished only once it has ended', () => {
    expect(taskAfter(...running).times.finishedAt).toBeUndefined()
    const failing = [...running, after(700, failed({ run: 2, attempt: 1 }))] as const
    expect(taskAfter(...failing, after(700, retried(100))).times.finishedAt).toBeUndefined()
    expect(fold(recorded(...failing)).times?.finishedAt).toBeUndefined()
    expect(taskAfter(...running, after(700, failedForGood({ run: 2, attempt: 1 }))).times.finishedAt).toBe(epoch + 700)
    expect(taskAfter(...running, after(800, succeeded({ run: 2, attempt: 1 }))).times.finishedAt).toBe(epoch + 800)
    expect(taskAfter(submitted(), after(900, cancelled('requested'))).times.finishedAt).toBe(epoch + 900)
  })
})
