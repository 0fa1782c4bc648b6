import type { Timers } from '#application/ports/surroundings/clock.ts'
import type { PullRequest } from '#application/ports/queue/task-queue.ts'
import { type KeyList, rotate } from './queue-keys.ts'
import type { RankedMember } from './queue-replies.ts'
import type { RedisLink } from '../connection/redis-link.ts'
import type { Taken } from './take-lowest.ts'
import type { PoppedMembers, WaitingReads } from './waiting-reads.ts'

/** Between looks while no connection to wait on is to be had. */
const lookEveryMs = 100

interface Wait {
  readonly request: PullRequest
  readonly waitMs: number
  readonly turn: number
}

/** Waits for whichever list of keys has something first. */
export const waitForAny = async (
  { link, reads, timers }: { readonly link: RedisLink; readonly reads: WaitingReads; readonly timers: Timers },
  lists: readonly KeyList[],
  { request, waitMs, turn }: Wait,
): Promise<Taken | 'look again'> => {
  const enough = new AbortController()
  const signal = AbortSignal.any([request.signal, enough.signal])
  const settled = await Promise.allSettled(
    rotate(lists, turn).map(async (keys) => {
      const popped = await reads.read({ keys: rotate(keys, turn), max: request.max, waitMs, signal })
      if (popped !== 'no-connection' && popped.members.length > 0) enough.abort()
      return popped
    }),
  )
  const popped = settled.flatMap((result) =>
    result.status === 'fulfilled' && result.value !== 'no-connection' ? result.value : [],
  )
  const failed = settled.find((result) => result.status === 'rejected')
  const nothing = popped.every(({ members }) => members.length === 0)
  if (failed !== undefined && nothing) throw failed.reason
  if (popped.length === 0) await timers.sleep(Math.min(lookEveryMs, waitMs), request.signal)
  if (nothing && (popped.length < lists.length || lists.length === 0)) return 'look again'
  return {
    members: await giveBackExcess(link, popped, request.max),
    left: popped.reduce((sum, { left }) => sum + left, 0),
  }
}

/** Several queues of a Cluster may answer at once, each with as many as were asked for. */
const giveBackExcess = async (
  link: RedisLink,
  popped: readonly PoppedMembers[],
  max: number,
): Promise<readonly RankedMember[]> => {
  const all = popped.flatMap(({ key, members }) => members.map((entry) => ({ ...entry, key })))
  await Promise.allSettled(
    all
      .slice(max)
      .map(async ({ key, member, rank }) => key && link.run((commands) => commands.zadd(key, 'LT', rank, member))),
  )
  return all.slice(0, max)
}
