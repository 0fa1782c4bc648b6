import { toRecordedTask } from '#domain/task/change.ts'
import { decide } from '#domain/task/decide.ts'
import type { Incarnation, TaskId } from '#domain/identifiers.ts'
import type { EventContext } from '#domain/task/events.ts'
import { planAppend } from '../commands/plan-append.ts'
import type { HeadRepair } from './head-repair.ts'
import type { ReadyAnnouncer } from '../hints/announcer.ts'
import { type EventStore, isStored, type StreamContent } from '../ports/events/event-store.ts'
import type { Identities } from '../ports/surroundings/identities.ts'
import type { Runtime } from '../ports/surroundings/runtime.ts'
import type { RunIndex, RunningHead } from '../ports/heads/run-index.ts'
import { foldStream } from '../runs/fold-stream.ts'
import { loadInParts } from '../runs/load-in-parts.ts'
import { readTaskTrace } from '../runs/task-trace.ts'

/** One incarnation that is lost: it died, as far as is known, or says that it fenced itself. */
export interface LostWorker {
  readonly incarnation: Incarnation
  readonly worker: 'silent' | 'fenced'
}

interface Deps {
  readonly store: EventStore
  readonly runs: RunIndex
  readonly identities: Identities
  readonly announcer: ReadyAnnouncer
  readonly headRepair: HeadRepair
  readonly runtime: Runtime
}

const runsPerBatch = 500
/** Runs that could not be recovered stay in front of the list: a pass reads past at most so many of them. */
const runsListedMax = 10_000
const batchesMax = 200

/**
 * Declares every run of a lost incarnation lost: each at the version read, each in its own try, so that a run which cannot
 * be recovered stops no other. The next pass finds the runs that are left.
 *
 * Throws StoreUnavailableError when the runs or their streams cannot be read.
 */
export const recoverLostRuns = async (deps: Deps, lost: LostWorker, signal: AbortSignal): Promise<void> => {
  const { incarnation } = lost
  const refused = new Set<string>()
  for (let batch = 0; batch < batchesMax && !signal.aborted; batch += 1) {
    const limit = Math.min(runsListedMax, runsPerBatch + refused.size)
    const listed = await deps.runs.listRuns(incarnation, limit)
    const fresh = listed.filter((head) => !refused.has(head.taskId)).slice(0, runsPerBatch)
    if (fresh.length === 0) return
    const heads = new Map(fresh.map((head) => [head.taskId, head]))
    // One that is left out, because its stream does not come in time, counts as refused.
    for (const taskId of heads.keys()) refused.add(taskId)
    await loadInParts(
      { load: (ids) => deps.store.loadStreams(ids), logger: deps.runtime.logger },
      [...heads.keys()],
      async ({ streams }, part) => {
        const recover = async (taskId: TaskId): Promise<void> => {
          const head = heads.get(taskId)
          if (head === undefined) return
          const outcome = await recoverRun(deps, head, lost, streams.get(taskId))
          if (outcome === 'recovered') refused.delete(taskId)
        }
        await Promise.all(part.map(recover))
      },
    )
    if (listed.length < limit) return
  }
}

const recoverRun = async (
  deps: Deps,
  head: RunningHead,
  { incarnation, worker }: LostWorker,
  content: StreamContent | undefined,
): Promise<'recovered' | 'refused'> => {
  try {
    const read = foldStream(content)
    if (read.kind === 'unreadable') throw read.error
    if (read.kind === 'none') return 'refused'
    const { task } = read
    const decision = decide(task, { type: 'DeclareLost', run: head.run, incarnation, worker })
    if (decision.kind === 'rejected') {
      deps.headRepair.suspect(task.taskId)
      return 'refused'
    }
    const { append, change } = planAppend(deps.identities, task, decision.events, traceOf(content))
    const verdict = await deps.store.append(append)
    if (!isStored(verdict)) {
      deps.headRepair.suspect(task.taskId)
      return 'refused'
    }
    deps.runtime.count('runs-lost')
    deps.announcer.announce(toRecordedTask(change, verdict.recordedAt))
    return 'recovered'
  } catch (error) {
    deps.runtime.logger.debug({ taskId: head.taskId, run: head.run, err: error }, 'a lost run was not recovered')
    return 'refused'
  }
}

/** The events that end a lost run belong to the trace of that run. */
const traceOf = (content: StreamContent | undefined): EventContext => {
  const traceparent = content?.kind === 'events' ? readTaskTrace(content.events).latestAttempt : undefined
  return traceparent === undefined ? {} : { traceparent }
}
