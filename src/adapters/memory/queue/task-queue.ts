import type { Timers } from '#application/ports/surroundings/clock.ts'
import { type Route, routeKey } from '#domain/route.ts'
import {
  type PulledHints,
  type PullRequest,
  queueIdsMax as queueIdsMaxOfPort,
  type TaskQueue,
} from '#application/ports/queue/task-queue.ts'
import type { RankedTask } from '#application/ports/heads/runnable-index.ts'
import type { TaskId } from '#domain/identifiers.ts'
import { compareRanked } from '#domain/rank.ts'
import { createRankedIds, type RankedIds } from './ranked-ids.ts'

interface Deps {
  readonly timers: Timers
  /** How many ids one route may hold; the port's bound by default. */
  readonly queueIdsMax?: number
}

interface WaitingPull {
  readonly request: PullRequest
  readonly end: (taskIds: readonly TaskId[]) => void
}

const idsPerPullMax = 1_000
const waitMsMax = 10_000

/**
 * A queue in memory, which all workers of a test share. It holds an id once for each route, at its lowest rank, and loses
 * only the ids that its bound drops.
 *
 * Waiting pulls are served in the order they came. A pull whose signal is aborted before it begins takes nothing.
 */
export const createMemoryTaskQueue = ({ timers, queueIdsMax = queueIdsMaxOfPort }: Deps): TaskQueue => {
  const idsByRoute = new Map<string, RankedIds>()
  const waiting = new Set<WaitingPull>()

  const setsOf = (routes: readonly Route[]): readonly RankedIds[] =>
    [...new Set(routes.map(routeKey))].flatMap((key) => idsByRoute.get(key) ?? [])

  const answer = (request: PullRequest, taskIds: readonly TaskId[]): PulledHints => ({
    taskIds,
    left: setsOf(request.routes).reduce((sum, ids) => sum + ids.size(), 0),
  })

  const wait = (request: PullRequest): Promise<PulledHints> =>
    new Promise((resolve) => {
      const giveUp = (): void => pull.end([])
      const cancelTimer = timers.after(request.waitMs, giveUp)
      const pull: WaitingPull = {
        request,
        end: (taskIds) => {
          waiting.delete(pull)
          cancelTimer()
          request.signal.removeEventListener('abort', giveUp)
          resolve(answer(request, taskIds))
        },
      }
      request.signal.addEventListener('abort', giveUp)
      waiting.add(pull)
    })

  return {
    push: async (hints) => {
      for (const { taskId, route, rank } of hints) {
        const ids = idsByRoute.get(routeKey(route)) ?? createRankedIds(queueIdsMax)
        idsByRoute.set(routeKey(route), ids)
        ids.add({ taskId, rank })
      }
      for (const pull of waiting) {
        const taskIds = takeLowest(setsOf(pull.request.routes), pull.request.max)
        if (taskIds.length > 0) pull.end(taskIds)
      }
    },

    pull: async (request) => {
      assertWithin('max', request.max, 1, idsPerPullMax)
      assertWithin('waitMs', request.waitMs, 0, waitMsMax)
      if (request.signal.aborted) return answer(request, [])
      const taskIds = takeLowest(setsOf(request.routes), request.max)
      return taskIds.length > 0 || request.waitMs === 0 ? answer(request, taskIds) : wait(request)
    },

    size: async (route) => idsByRoute.get(routeKey(route))?.size() ?? 0,
  }
}

const assertWithin = (name: string, value: number, least: number, most: number): void => {
  if (!(value >= least && value <= most)) throw new RangeError(`${name} must be ${least} to ${most}, not ${value}`)
}

/** Takes up to `max` ids by rank, each time from the set whose first id is lowest. */
const takeLowest = (sets: readonly RankedIds[], max: number): readonly TaskId[] => {
  const taskIds: TaskId[] = []
  while (taskIds.length < max) {
    const lowest = findLowest(sets)?.takeFirst()
    if (lowest === undefined) break
    taskIds.push(lowest.taskId)
  }
  return taskIds
}

const findLowest = (sets: readonly RankedIds[]): RankedIds | undefined => {
  let lowest: { readonly ids: RankedIds; readonly task: RankedTask } | undefined
  for (const ids of sets) {
    const task = ids.first()
    if (task === undefined) continue
    if (lowest === undefined || compareRanked(task, lowest.task) < 0) lowest = { ids, task }
  }
  return lowest?.ids
}
