import { compareRanked } from '#domain/rank.ts'
import { messageOf } from '../connection/errors.ts'
import { pullScript } from './pull-script.ts'
import { parsePulled, type RankedMember } from './queue-replies.ts'
import type { KeyList } from './queue-keys.ts'
import type { RedisLink } from '../connection/redis-link.ts'

/** What a pull got. */
export interface Taken {
  readonly members: readonly RankedMember[]
  /** How many the sets hold still. */
  readonly left: number
}

/**
 * Takes the lowest over all lists of keys. One server does that in one step. In a Cluster each queue lies elsewhere, so all
 * are looked at first and then each gives as many as it has among the lowest; another pull may come in between, and then
 * what follows is given.
 *
 * What was taken is answered although another part failed, for it would be lost otherwise.
 */
export const takeLowest = async (link: RedisLink, lists: readonly KeyList[], max: number): Promise<Taken> => {
  const [only, another] = lists
  if (only === undefined) return { members: [], left: 0 }
  if (another === undefined) return runScript(link, only, { count: max, mode: 'take' })
  const seen = await Promise.allSettled(lists.map((keys) => runScript(link, keys, { count: max, mode: 'look' })))
  const found = seen.map((result) => (result.status === 'fulfilled' ? result.value : { members: [], left: 0 }))
  const lowest = found
    .flatMap(({ members }, place) => members.map(({ member, rank }) => ({ taskId: member, rank, place })))
    .toSorted(compareRanked)
    .slice(0, max)
  const counts = found.map((_, place) => lowest.filter((entry) => entry.place === place).length)
  const taken = await Promise.allSettled(
    lists.flatMap((keys, place) => {
      const count = counts[place] ?? 0
      return count === 0 ? [] : runScript(link, keys, { count, mode: 'take' })
    }),
  )
  const members = taken.flatMap((result) => (result.status === 'fulfilled' ? result.value.members : []))
  const failed = [...seen, ...taken].find((result) => result.status === 'rejected')
  if (failed !== undefined && members.length === 0) throw failed.reason
  return { members, left: found.reduce((sum, { left }, place) => sum + left - (counts[place] ?? 0), 0) }
}

interface ScriptCall {
  readonly count: number
  readonly mode: 'take' | 'look'
}

const runScript = (link: RedisLink, keys: KeyList, { count, mode }: ScriptCall): Promise<Taken> =>
  link.run(async (commands) => {
    try {
      return parsePulled(await commands.evalsha(pullScript.sha, keys.length, ...keys, count, mode))
    } catch (error) {
      if (!messageOf(error).startsWith('NOSCRIPT')) throw error
      return parsePulled(await commands.eval(pullScript.source, keys.length, ...keys, count, mode))
    }
  })
