import { setTimeout as sleep } from 'node:timers/promises'
import { request } from '../../scenarios/support/http.ts'

interface Page {
  readonly items: readonly { readonly taskId: string; readonly version: number }[]
  readonly nextCursor: string
}

/** Follows the feed of events from its beginning, and begins anew whenever its cursor is refused. */
export interface Follower {
  /** Faults of the feed: an event that came twice, or before one that it follows. */
  readonly faults: readonly string[]
  /** How often it had to begin anew. */
  readonly beginnings: number
  /** Of each task, the version of the last event that came. */
  readonly versions: ReadonlyMap<string, number>
  /** Resolves at the end of the feed, or after a minute without having come there. */
  stop(): Promise<void>
}

const endMsMax = 60_000
const pageSize = 500
const pauseMs = 200
const faultsMax = 20

export const startFollower = (urls: readonly string[]): Follower => {
  const faults: string[] = []
  const versions = new Map<string, number>()
  let beginnings = 1
  let cursor: string | undefined
  let state: 'going' | 'stopped' = 'going'
  let endsAtMs = Number.POSITIVE_INFINITY

  const take = ({ items, nextCursor }: Page): void => {
    for (const { taskId, version } of items) {
      const before = versions.get(taskId) ?? 0
      if (version !== before + 1 && faults.length < faultsMax) {
        faults.push(`the feed gave version ${version} of ${taskId} after version ${before}`)
      }
      versions.set(taskId, version)
    }
    cursor = nextCursor
  }

  const beginAnew = (): void => {
    beginnings += 1
    cursor = undefined
    versions.clear()
  }

  const follow = async (): Promise<void> => {
    for (let turn = 0; performance.now() < endsAtMs; turn += 1) {
      const path = `/api/events?limit=${pageSize}${cursor === undefined ? '' : `&after=${encodeURIComponent(cursor)}`}`
      const answer = await request<Page>(urls[turn % urls.length] ?? '', path).catch(() => undefined)
      if (answer?.status === 200) take(answer.body)
      else if (answer !== undefined && answer.status < 500) beginAnew()
      const isAtEnd = answer?.status === 200 && answer.body.items.length === 0
      if (isAtEnd && state === 'stopped') return
      if (answer?.status !== 200 || answer.body.items.length < pageSize) await sleep(pauseMs)
    }
  }

  const ended = follow()
  return {
    faults,
    versions,
    get beginnings() {
      return beginnings
    },
    stop: async () => {
      state = 'stopped'
      endsAtMs = performance.now() + endMsMax
      await ended
    },
  }
}
