import { expect } from 'vitest'
import { decide } from '#domain/task/decide.ts'
import { evolve, fold, IllegalHistoryError } from '#domain/task/evolve.ts'
import type { Rejection } from '#domain/task/rejections.ts'
import type { TaskCommand } from '#domain/task/commands.ts'
import type { TaskEvent } from '#domain/task/events.ts'
import { toTaskChange } from '#domain/task/change.ts'
import type { Task } from '#domain/task/state.ts'
import type { Instant } from '#domain/time.ts'
import { recorded, type Step } from './history.ts'
import { appendId, epoch, taskId } from './task-facts.ts'

/**
 * A specification in three parts: `given(history).when(command)`, then what is recorded or how it is refused.
 *
 * What a command records is folded as well: a decision that cannot be folded fails its specification.
 */
export const given = (...history: readonly Step[]) => {
  const events = recorded(...history)
  const state = fold(events)
  return {
    when: (command: TaskCommand) => ({
      records: (...expected: readonly TaskEvent[]): void => {
        expect(decide(state, command)).toEqual({ kind: 'accepted', events: expected })
        toTaskChange(state, { taskId, appendId }, expected)
      },
      recordsNothing: (): void => {
        expect(decide(state, command)).toEqual({ kind: 'accepted', events: [] })
      },
      isRefused: (rejection: Rejection): void => {
        expect(decide(state, command)).toEqual({ kind: 'rejected', rejection })
      },
    }),
    cannotBeFollowedBy: (...steps: readonly Step[]): void => {
      const [next] = recorded(...history, ...steps).slice(history.length)
      if (next === undefined) throw new RangeError('nothing was said to follow')
      expect(() => evolve(state, next)).toThrow(IllegalHistoryError)
    },
  }
}

/** The task that a history folds to. */
export const taskAfter = (...history: readonly Step[]): Task => {
  const state = fold(recorded(...history))
  if (state.status === 'NONE') throw new RangeError('a task begins with Submitted')
  return state
}

/** The instant `ms` after the submission. */
export const at = (ms: number): Instant => epoch + ms
