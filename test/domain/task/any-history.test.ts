import { fc, test } from '@fast-check/vitest'
import { describe, expect } from 'vitest'
import { decide } from '#domain/task/decide.ts'
import { fold } from '#domain/task/evolve.ts'
import { toRecordedTask, toTaskChange } from '#domain/task/change.ts'
import { toHead, toHeadChange } from '#domain/task/head.ts'
import { detailOf, noTask, type Phase, type Task } from '#domain/task/state.ts'
import { toTimeline } from '#domain/task/timeline.ts'
import { eventKindOf, transitions } from '#domain/task/transitions.ts'
import { readyInstant } from '#domain/time.ts'
import { anyProgram } from './support/intents.ts'
import { findBreaches } from './support/legality.ts'
import { type Appended, liveThrough } from './support/simulated-life.ts'
import { appendId, incarnation, taskId } from './support/task-facts.ts'

const detailsOf = {
  PENDING: ['scheduled', 'ready', 'retrying'],
  PROCESSING: ['running', 'cancelling'],
  SUCCESS: ['succeeded'],
  FAILED: [
    'attempts-exhausted',
    'permanent-error',
    'payload-invalid',
    'crash-loop',
    'effect-in-doubt',
    'effect-changed',
  ],
  CANCELLED: ['cancelled'],
}

describe('whatever is tried, in whatever order, by whichever worker', () => {
  test.prop([anyProgram], { numRuns: 1_000 })('the history is legal', (program) => {
    expect(findBreaches(liveThrough(program).history)).toEqual([])
  })

  test.prop([anyProgram])('the history was legal after every append', (program) => {
    const { appends, history } = liveThrough(program)
    for (const { after } of appends) expect(findBreaches(history.slice(0, after.version))).toEqual([])
  })

  test.prop([anyProgram])('each event is one that the table allows, and leads where the table says', (program) => {
    let phase: Phase = noTask.phase
    for (const { event, stateAfter } of toTimeline(liveThrough(program).history)) {
      const { from, to } = transitions[eventKindOf(event)]

      expect(from).toContain(phase)
      expect(stateAfter.phase).toBe(to)
      phase = stateAfter.phase
    }
  })

  test.prop([anyProgram])(
    'a failure that is not final is one append with its retry, all else stands alone',
    (program) => {
      for (const { events } of liveThrough(program).appends) {
        const [first] = events
        const retries = first?.type === 'Failed' && !first.data.final

        expect(events.map(({ type }) => type)).toEqual(retries ? ['Failed', 'Retried'] : [first?.type])
      }
    },
  )

  test.prop([anyProgram])('every prefix of the history folds to a task that can be shown', (program) => {
    for (const { event, stateAfter } of toTimeline(liveThrough(program).history)) {
      expect(stateAfter.version).toBe(event.version)
      expect(stateAfter.times.changedAt).toBe(event.recordedAt)
      expect(stateAfter.facts.attemptsSinceOpening).toBeGreaterThanOrEqual(0)
      expect(stateAfter.facts.attemptsSinceOpening).toBeLessThanOrEqual(stateAfter.facts.submission.maxAttempts)
      expect(stateAfter.facts.attempt).toBeGreaterThanOrEqual(stateAfter.facts.attemptsSinceOpening)
      expect(stateAfter.facts.crashesSinceOpening).toBeLessThanOrEqual(2)
      for (const instant of [0, event.recordedAt, stateAfter.times.readyAt, stateAfter.times.readyAt - 1]) {
        expect(detailsOf[stateAfter.status]).toContain(detailOf(stateAfter, instant))
      }
    }
  })

  test.prop([anyProgram])('the history replayed is the task that was lived', (program) => {
    const { history, state } = liveThrough(program)

    expect(fold(history)).toEqual(state)
    expect(fold(structuredClone(history))).toEqual(state)
  })

  test.prop([anyProgram])('the same command in the same state is decided the same way', (program) => {
    for (const { before, command, decision } of liveThrough(program).tries) {
      expect(decide(structuredClone(before), structuredClone(command))).toEqual(decision)
    }
  })

  test.prop([anyProgram])('a decision leaves the state and the command as they were', (program) => {
    for (const { before, command } of liveThrough(program).tries) {
      const copy = structuredClone({ before, command })
      decide(before, command)

      expect({ before, command }).toEqual(copy)
    }
  })

  test.prop([anyProgram])(
    'a change folded once and closed by its instant is the fold of what was recorded',
    (program) => {
      const { appends, history } = liveThrough(program)
      for (const { before, events, recordedAt, after } of appends) {
        const task = toRecordedTask(toTaskChange(before, { taskId, appendId }, events), recordedAt)

        expect(task).toEqual(fold(history.slice(0, after.version)))
      }
    },
  )

  test.prop([anyProgram])('the head the store was told to write is the head of the fold', (program) => {
    for (const { before, events, recordedAt, after } of liveThrough(program).appends) {
      const { due, ...change } = toHeadChange(toTaskChange(before, { taskId, appendId }, events))
      const readyAt = due === undefined ? undefined : readyInstant(due, recordedAt)

      expect({ ...change, taskId, readyAt, lastAt: recordedAt }).toEqual(toHead(after))
    }
  })

  test.prop([anyProgram])('a retry waits what its handler asked for, or within the cap, or not at all', (program) => {
    for (const append of liveThrough(program).appends) expect(waitOf(append)).toSatisfy(isWithin(append))
  })

  test.prop([anyProgram])('asking for the same again writes nothing', (program) => {
    for (const { command, after } of liveThrough(program).appends) {
      if (command.type !== 'Cancel' && command.type !== 'RunNow') continue
      const now = Math.max(after.times.changedAt, after.times.readyAt)

      expect(decide(after, command.type === 'RunNow' ? { ...command, now } : command)).toEqual({
        kind: 'accepted',
        events: [],
      })
    }
  })

  test.prop([anyProgram])('a task is never stuck: somebody can always move it, until it succeeds', (program) => {
    for (const { after } of liveThrough(program).appends) {
      if (after.status === 'SUCCESS') continue
      const decision = decide(after, wayOnFrom(after))

      expect(decision).toMatchObject({ kind: 'accepted' })
      if (decision.kind === 'accepted') toTaskChange(after, { taskId, appendId }, decision.events)
    }
  })
})

const wayOnFrom = (task: Exclude<Task, { readonly status: 'SUCCESS' }>) => {
  switch (task.status) {
    case 'PENDING':
      return { type: 'Start', incarnation, now: Math.max(task.times.readyAt, task.times.changedAt) } as const
    case 'PROCESSING':
      return { type: 'Succeed', run: task.run, result: '42' } as const
    case 'FAILED':
    case 'CANCELLED':
      return { type: 'Reopen' } as const
  }
}

/** The delay of the retry that an append wrote after a failure, or undefined when it wrote none. */
const waitOf = ({ events }: Appended): number | undefined => {
  const last = events.at(-1)
  return last?.type === 'Retried' && !last.data.reopened ? last.data.delayMs : undefined
}

const isWithin =
  ({ command, after }: Appended) =>
  (delayMs: number | undefined): boolean => {
    if (delayMs === undefined) return true
    if (command.type === 'DeclareLost') return delayMs === 0
    if (command.type !== 'Fail') return false
    if (command.retryAfterMs !== undefined) return delayMs === command.retryAfterMs
    return delayMs >= 0 && delayMs <= after.facts.submission.retry.maxMs
  }

describe('the programs that are tried', () => {
  const lives = fc.sample(anyProgram, { numRuns: 1_000, seed: 1 }).map(liveThrough)
  const spread = (words: readonly string[]): readonly string[] => [...new Set(words)].sort()

  test('lead to every event there is', () => {
    expect(spread(lives.flatMap(({ history }) => history.map(({ type }) => type)))).toHaveLength(9)
  })

  test('lead to every end there is, and to every way of being cancelled', () => {
    const tasks = lives.flatMap(({ appends }) => appends.map(({ after }) => after))
    const causes = lives.flatMap(({ history }) =>
      history.flatMap((event) => (event.type === 'Cancelled' ? [event.data.cause] : [])),
    )

    expect(spread(tasks.map((task) => (task.status === 'FAILED' ? task.detail : task.status)))).toHaveLength(4 + 6)
    expect(spread(causes)).toEqual(['aborted', 'crash', 'cut-off', 'requested', 'shutdown', 'worker-lost'])
  })

  test('are refused for every reason there is', () => {
    const decisions = lives.flatMap(({ tries }) => tries.map(({ decision }) => decision))
    const codes = decisions.flatMap((decision) => (decision.kind === 'rejected' ? [decision.rejection.code] : []))

    expect(spread(codes)).toEqual([
      'already-submitted',
      'not-cancellable',
      'not-due',
      'not-retryable',
      'not-runnable',
      'not-startable',
      'not-submitted',
      'stale-run',
    ])
  })

  test('open tasks again more than once, and start runs of several workers', () => {
    expect(Math.max(...lives.map(({ history }) => history.filter(isReopening).length))).toBeGreaterThanOrEqual(2)
    expect(Math.max(...lives.map(({ history }) => history.filter(isStart).length))).toBeGreaterThanOrEqual(6)
  })
})

const isReopening = (event: { readonly type: string; readonly data: object }): boolean =>
  event.type === 'Retried' && 'reopened' in event.data && event.data.reopened === true
const isStart = (event: { readonly type: string }): boolean => event.type === 'Started'
