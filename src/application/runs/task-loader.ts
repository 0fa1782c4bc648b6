import { decide } from '#domain/task/decide.ts'
import type { Incarnation, TaskId } from '#domain/identifiers.ts'
import type { TaskEvent } from '#domain/task/events.ts'
import type { Task } from '#domain/task/state.ts'
import type { Instant } from '#domain/time.ts'
import type { Count } from '../ports/surroundings/counts.ts'
import type { EventStore } from '../ports/events/event-store.ts'
import type { Logger } from '../ports/surroundings/logger.ts'
import { type FoldedStream, foldStream } from './fold-stream.ts'
import { loadInParts } from './load-in-parts.ts'
import { noTrace, readTaskTrace, type TaskTrace } from './task-trace.ts'
import type { HeadRepair } from '../recovery/head-repair.ts'
import type { ReadyAnnouncer } from '../hints/announcer.ts'

/** A task that may be started, with the events that start it. It is claimed once they are appended, not before. */
export interface Startable {
  readonly task: Task
  readonly events: readonly TaskEvent[]
  readonly trace: TaskTrace
}

/** Takes what may start of one part, and the ids of the part. */
export type OnTasksLoaded = (startables: readonly Startable[], taskIds: readonly TaskId[]) => void

/** Judges hinted ids by their streams. */
export interface TaskLoader {
  /**
   * Loads up to 1000 streams, part by part (load-in-parts.ts), and gives of each part those that may start now, by the
   * store's clock of its query and no other, in the order given. The others are dropped, and counted by reason.
   *
   * Throws StoreUnavailableError; the parts before were given.
   */
  load(taskIds: readonly TaskId[], incarnation: Incarnation, onLoaded: OnTasksLoaded): Promise<void>
}

interface Deps {
  readonly store: EventStore
  readonly announcer: ReadyAnnouncer
  readonly headRepair: HeadRepair
  readonly logger: Logger
  readonly count: Count
}

/** How many unreadable tasks are remembered as logged: recovery hints at them again and again. */
const loggedMax = 1_000

export const createTaskLoader = (deps: Deps): TaskLoader => {
  const logged = new Set<TaskId>()

  const drop = (taskId: TaskId, read: Exclude<FoldedStream, { readonly kind: 'task' }>): void => {
    if (read.kind === 'none') return deps.count('dropped-not-found')
    deps.count('dropped-undecodable')
    if (logged.has(taskId) || logged.size >= loggedMax) return
    logged.add(taskId)
    deps.logger.error({ taskId, err: read.error }, 'left a task alone: its stream could not be read')
  }

  return {
    load: (taskIds, incarnation, onLoaded) =>
      loadInParts(
        { load: (ids) => deps.store.loadStreams(ids), logger: deps.logger },
        [...new Set(taskIds)],
        ({ now, streams }, part) => {
          const startables: Startable[] = []
          for (const taskId of part) {
            const content = streams.get(taskId)
            const read = foldStream(content)
            if (read.kind !== 'task') {
              drop(taskId, read)
              continue
            }
            const events = findStart(deps, read.task, incarnation, now)
            if (events === undefined) continue
            const trace = content?.kind === 'events' ? readTaskTrace(content.events) : noTrace
            startables.push({ task: read.task, events, trace })
          }
          onLoaded(startables, part)
        },
      ),
  }
}

const findStart = (
  deps: Deps,
  task: Task,
  incarnation: Incarnation,
  now: Instant,
): readonly TaskEvent[] | undefined => {
  const decision = decide(task, { type: 'Start', incarnation, now })
  if (decision.kind === 'accepted') return decision.events
  if (decision.rejection.code === 'not-due') {
    deps.count('dropped-not-due')
    // By the clock that refused it: by another clock it may be due already, be pushed at once and be refused again.
    deps.announcer.announce(task, now)
  } else {
    deps.count('dropped-not-startable')
  }
  deps.headRepair.suspect(task.taskId)
  return undefined
}
