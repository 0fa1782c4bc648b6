import { findEndingDetail } from './failure-causes.ts'
import { retryDelayMs } from '../retry-policy.ts'
import { isDue } from '../time.ts'
import type { Rejection } from './rejections.ts'
import type { DeclareLost, Fail, Release, Start, Submit, Succeed, TaskCommand } from './commands.ts'
import type { CancellationCause, Failed, FailureCause, ErrorReport, TaskEvent } from './events.ts'
import type { RunningTask, Task, TaskState } from './state.ts'

/**
 * The answer to a command: events, which must be appended together because they are legal only together, or a rejection.
 *
 * No events: the task is already as the command wants it, and nothing is appended.
 */
export type Decision =
  | { readonly kind: 'accepted'; readonly events: readonly TaskEvent[] }
  | { readonly kind: 'rejected'; readonly rejection: Rejection }

/**
 * Decides what a command does to a task; nothing else does. Pure: the command brings the time and the random number.
 *
 * Events that it accepts can always be folded onto `state`.
 */
export const decide = (state: TaskState, command: TaskCommand): Decision => {
  if (command.type === 'Submit') return decideSubmit(state, command)
  if (state.status === 'NONE') return reject({ code: 'not-submitted' })
  switch (command.type) {
    case 'Start':
      return decideStart(state, command)
    case 'Succeed':
      return whileInForce(state, command, (running) => [succeeded(running, command)])
    case 'Fail':
      return whileInForce(state, command, (running) => failOrCancel(running, command))
    case 'Release':
      return whileInForce(state, command, (running) => releaseOrCancel(running, command))
    case 'DeclareLost':
      return whileInForce(state, command, (running) => declareLost(running, command))
    case 'Cancel':
      return decideCancel(state)
    case 'Reopen':
      return state.status === 'FAILED' || state.status === 'CANCELLED'
        ? accept({ type: 'Retried', data: { delayMs: 0, reopened: true } })
        : reject({ code: 'not-retryable', status: state.status })
    case 'RunNow':
      if (state.status !== 'PENDING') return reject({ code: 'not-runnable', status: state.status })
      return state.phase === 'waiting' && isDue(state.times, command.now)
        ? accept()
        : accept({ type: 'Rescheduled', data: { delayMs: 0 } })
  }
}

const accept = (...events: readonly TaskEvent[]): Decision => ({ kind: 'accepted', events })
const reject = (rejection: Rejection): Decision => ({ kind: 'rejected', rejection })

const decideSubmit = (state: TaskState, command: Submit): Decision =>
  state.status === 'NONE'
    ? accept({ type: 'Submitted', data: { ...command.submission, ...command.due } })
    : reject({ code: 'already-submitted' })

const decideStart = (task: Task, command: Start): Decision => {
  if (task.status !== 'PENDING' || task.facts.attemptsSinceOpening >= task.facts.submission.maxAttempts) {
    return reject({ code: 'not-startable', status: task.status })
  }
  if (!isDue(task.times, command.now)) return reject({ code: 'not-due', readyAt: task.times.readyAt })
  return accept({
    type: 'Started',
    data: {
      attempt: task.facts.attempt + 1,
      incarnation: command.incarnation,
      timeLimitMs: task.facts.submission.timeoutMs,
    },
  })
}

const decideCancel = (task: Task): Decision => {
  switch (task.status) {
    case 'PENDING':
      return accept({ type: 'Cancelled', data: { cause: 'requested' } })
    case 'PROCESSING':
      return task.phase === 'cancelling' ? accept() : accept({ type: 'CancelRequested', data: {} })
    case 'CANCELLED':
      return accept()
    case 'SUCCESS':
    case 'FAILED':
      return reject({ code: 'not-cancellable', status: task.status })
  }
}

/** A command of a run is accepted only while that run is in force; the worker of any other run is fenced. */
const whileInForce = (
  task: Task,
  command: Succeed | Fail | Release | DeclareLost,
  judge: (running: RunningTask) => readonly TaskEvent[],
): Decision =>
  task.status === 'PROCESSING' && task.run === command.run
    ? accept(...judge(task))
    : reject({ code: 'stale-run', status: task.status })

const succeeded = (task: RunningTask, command: Succeed): TaskEvent => ({
  type: 'Succeeded',
  data: { run: task.run, attempt: task.facts.attempt, result: command.result },
})

const cancelled = (cause: CancellationCause): readonly TaskEvent[] => [{ type: 'Cancelled', data: { cause } }]

const failOrCancel = (task: RunningTask, command: Fail): readonly TaskEvent[] => {
  if (task.phase === 'cancelling') {
    if (command.cause === 'crash') return cancelled('crash')
    return cancelled(command.ending === 'cut-off' ? 'cut-off' : 'aborted')
  }
  const delayMs =
    command.retryAfterMs ?? retryDelayMs(task.facts.submission.retry, task.facts.attemptsSinceOpening, command.random)
  return failed(task, command.cause, command.error, delayMs)
}

const releaseOrCancel = (task: RunningTask, command: Release): readonly TaskEvent[] =>
  task.phase === 'cancelling'
    ? cancelled('shutdown')
    : [{ type: 'Released', data: { run: command.run, attempt: task.facts.attempt, cause: 'shutdown' } }]

/** The attempt of a lost worker is spent, and retried without back-off: nothing suggests that the task was at fault. */
const declareLost = (task: RunningTask, command: DeclareLost): readonly TaskEvent[] =>
  task.phase === 'cancelling'
    ? cancelled('worker-lost')
    : failed(task, 'worker-lost', lostError(command), 0, command.worker === 'fenced' ? { detail: 'fenced' } : {})

const lostError = ({ incarnation, worker }: DeclareLost): ErrorReport => ({
  name: 'WorkerLost',
  message:
    worker === 'fenced'
      ? `worker ${incarnation} could not renew its lease in time, and stopped its runs`
      : `worker ${incarnation} gave no sign of life for its whole lease`,
})

const failed = (
  task: RunningTask,
  cause: FailureCause,
  error: ErrorReport,
  delayMs: number,
  more: Pick<Failed['data'], 'detail'> = {},
): readonly TaskEvent[] => {
  const failure = (final: boolean): Failed => ({
    type: 'Failed',
    data: { run: task.run, attempt: task.facts.attempt, cause, final, error, ...more },
  })
  return endsTask(task, cause)
    ? [failure(true)]
    : [failure(false), { type: 'Retried', data: { delayMs, reopened: false } }]
}

const endsTask = ({ facts }: RunningTask, cause: FailureCause): boolean =>
  facts.attemptsSinceOpening >= facts.submission.maxAttempts ||
  findEndingDetail(cause, facts.crashesSinceOpening + Number(cause === 'crash')) !== undefined
