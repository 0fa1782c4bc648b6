import type {
  Cancel,
  DeclareLost,
  Fail,
  Release,
  Reopen,
  RunNow,
  Start,
  Submit,
  Succeed,
} from '#domain/task/commands.ts'
import type { Submission } from '#domain/task/events.ts'
import type { Due, Instant } from '#domain/time.ts'
import { epoch, error, incarnation, submission } from './task-facts.ts'

/** Commands, with the members filled in that a test does not name. The clock is an hour after the submission. */
const anHourLater: Instant = epoch + 3_600_000

export const submit = (differences: Partial<Submission> = {}, due: Due = { delayMs: 0 }): Submit => ({
  type: 'Submit',
  submission: { ...submission, ...differences },
  due,
})

export const start = (now: Instant = anHourLater): Start => ({ type: 'Start', incarnation, now })

export const succeed = (run: number): Succeed => ({ type: 'Succeed', run, result: '42' })

/** The handler threw; `handler-error` unless named. */
export const fail = (run: number, differences: Partial<Fail> = {}): Fail => ({
  type: 'Fail',
  run,
  cause: 'handler-error',
  error,
  ending: 'thrown',
  random: 0,
  ...differences,
})

export const release = (run: number): Release => ({ type: 'Release', run })

export const declareLost = (run: number, worker: DeclareLost['worker'] = 'silent'): DeclareLost => ({
  type: 'DeclareLost',
  run,
  incarnation,
  worker,
})

export const cancel: Cancel = { type: 'Cancel' }

export const reopen: Reopen = { type: 'Reopen' }

export const runNow = (now: Instant = anHourLater): RunNow => ({ type: 'RunNow', now })
