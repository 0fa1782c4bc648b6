import { decide, type Decision } from '#domain/task/decide.ts'
import type { TaskCommand } from '#domain/task/commands.ts'
import type { RecordedEvent, TaskEvent } from '#domain/task/events.ts'
import { evolve } from '#domain/task/evolve.ts'
import { noTask, type Task, type TaskState } from '#domain/task/state.ts'
import type { Instant } from '#domain/time.ts'
import { toCommand, type Intent } from './intents.ts'
import { appendId, epoch, taskId } from './task-facts.ts'

/** One try and its decision. */
export interface Attempted {
  readonly before: TaskState
  readonly command: TaskCommand
  readonly decision: Decision
}

/** Events recorded together, with the task before and after them. */
export interface Appended {
  readonly command: TaskCommand
  readonly before: TaskState
  readonly events: readonly TaskEvent[]
  readonly recordedAt: Instant
  readonly after: Task
}

export interface Life {
  readonly tries: readonly Attempted[]
  readonly appends: readonly Appended[]
  readonly history: readonly RecordedEvent[]
  readonly state: TaskState
}

/**
 * Lives through a program: decides each try on the task as it stands, and records and folds what is accepted. The events are
 * folded as recorded ones, so that `toRecordedTask` can be compared with it.
 */
export const liveThrough = (program: readonly Intent[]): Life => {
  const tries: Attempted[] = []
  const appends: Appended[] = []
  const history: RecordedEvent[] = []
  let state: TaskState = noTask
  let now: Instant = epoch
  for (const intent of program) {
    now = Math.max(0, now + intent.elapsedMs)
    const command = toCommand(intent, state, now)
    const decision = decide(state, command)
    tries.push({ before: state, command, decision })
    if (decision.kind === 'rejected' || decision.events.length === 0) continue
    // A stream never steps back, whatever the clock does.
    const recordedAt: Instant = state.status === 'NONE' ? now : Math.max(now, state.times.changedAt)
    const before = state
    let after: Task | undefined
    for (const event of decision.events) {
      const recorded = { ...event, taskId, appendId, context: {}, version: history.length + 1, recordedAt }
      history.push(recorded)
      after = evolve(after ?? before, recorded)
    }
    if (after === undefined) continue
    appends.push({ command, before, events: decision.events, recordedAt, after })
    state = after
  }
  return { tries, appends, history, state }
}
