import { decide, type Decision } from '#domain/task/decide.ts'
import type { TaskCommand } from '#domain/task/commands.ts'
import type { RecordedEvent, TaskEvent } from '#domain/task/events.ts'
import { foldOnto } from '#domain/task/head.ts'
import { noTask, type Task, type TaskState } from '#domain/task/state.ts'
import type { Instant } from '#domain/time.ts'
import { toCommand, type Intent } from './intents.ts'
import { appendId, epoch, taskId } from './task-facts.ts'

/** One try and what came of it. */
export interface Attempted {
  readonly before: TaskState
  readonly command: TaskCommand
  readonly decision: Decision
}

/** What was recorded together, and the task on either side of it. */
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

/** Lives through a program: decides each try on the task as it is and records what is accepted, as a store would. */
export const liveThrough = (program: readonly Intent[]): Life => {
  const tries: Attempted[] = []
  const appends: Appended[] = []
  let state: TaskState = noTask
  let now: Instant = epoch
  for (const intent of program) {
    now = Math.max(0, now + intent.elapsedMs)
    const command = toCommand(intent, state, now)
    const decision = decide(state, command)
    tries.push({ before: state, command, decision })
    if (decision.kind === 'rejected' || decision.events.length === 0) continue
    // A stream never steps back, whatever the clock does.
    const recordedAt: Instant = state.status === 'NONE' ? now : Math.max(now, state.changedAt)
    const after: Task = foldOnto(state, decision.events, { taskId, appendId, recordedAt })
    appends.push({ command, before: state, events: decision.events, recordedAt, after })
    state = after
  }
  return { tries, appends, history: toHistory(appends), state }
}

const toHistory = (appends: readonly Appended[]): readonly RecordedEvent[] =>
  appends
    .flatMap(({ events, recordedAt }) => events.map((event) => ({ ...event, recordedAt })))
    .map((event, index) => ({ ...event, taskId, appendId, context: {}, version: index + 1 }))
