import { createHash } from 'node:crypto'
import { compareRanked } from '#domain/rank.ts'
import { messageOf } from '../connection/errors.ts'
import type { RedisLink } from '../connection/redis-link.ts'
import type { KeyList } from './queue-keys.ts'

export interface TakenMembers {
  readonly members: readonly RankedMember[]
  /** How many members the sets still hold. */
  readonly left: number
}

/** A member of a set, as the server sent it. */
export interface RankedMember {
  readonly member: string
  readonly rank: number
}

/**
 * Takes the lowest members over all lists of keys. One server does that in one step. In a Cluster each queue lies on another
 * node, so all lists are peeked at first, and then each gives as many as it has among the lowest; when another pull takes
 * some of them in between, the list gives those that follow.
 *
 * Members that one list gave are answered although another list failed: they would be lost otherwise. Throws
 * RedisUnavailableError.
 */
export const takeLowest = async (link: RedisLink, lists: readonly KeyList[], max: number): Promise<TakenMembers> => {
  const [only, another] = lists
  if (only === undefined) return { members: [], left: 0 }
  if (another === undefined) return runScript(link, only, { count: max, mode: 'take' })
  const peeked = await Promise.allSettled(lists.map((keys) => runScript(link, keys, { count: max, mode: 'peek' })))
  const found = peeked.map((result) => (result.status === 'fulfilled' ? result.value : { members: [], left: 0 }))
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
  const failed = [...peeked, ...taken].find((result) => result.status === 'rejected')
  if (failed !== undefined && members.length === 0) throw failed.reason
  return { members, left: found.reduce((sum, { left }, place) => sum + left - (counts[place] ?? 0), 0) }
}

/**
 * Takes the lowest ids over several sorted sets.
 *
 * KEYS     the sets to take from; in a Cluster all of one queue, so that they share a slot
 * ARGV[1]  how many ids to take, 1 to 1000
 * ARGV[2]  `take`, or `peek` to answer the ids that would be taken and leave them
 * returns  how many ids are left in all the sets, and then, lowest first, id and rank of each id taken
 *
 * Sets are read in pieces, because all the lowest ids may lie in one set but mostly lie in several. The ids taken from a set
 * are its beginning, so they are removed by one command. Nothing is written before all is read: an error until then takes
 * nothing.
 */
const pullScript = `
local count, answer, sets = tonumber(ARGV[1]), { 0 }, {}
local piece = math.ceil(count / #KEYS)
local function front(set)
  if set.taken * 2 == #set.read and set.more then
    local found = redis.call('ZRANGE', set.key, set.taken, set.taken + piece - 1, 'WITHSCORES')
    for _, part in ipairs(found) do set.read[#set.read + 1] = part end
    set.more = #found == piece * 2
  end
  set.id = set.read[set.taken * 2 + 1]
  set.rank = set.id and tonumber(set.read[set.taken * 2 + 2])
end
for place, key in ipairs(KEYS) do
  sets[place] = { key = key, read = {}, taken = 0, more = true }
  front(sets[place])
end
for _ = 1, count do
  local lowest
  for _, set in ipairs(sets) do
    if set.id and (not lowest or set.rank < lowest.rank or (set.rank == lowest.rank and set.id < lowest.id)) then
      lowest = set
    end
  end
  if not lowest then break end
  answer[#answer + 1] = lowest.id
  answer[#answer + 1] = lowest.read[lowest.taken * 2 + 2]
  lowest.taken = lowest.taken + 1
  front(lowest)
end
for _, set in ipairs(sets) do
  if set.taken > 0 and ARGV[2] == 'take' then redis.call('ZREMRANGEBYRANK', set.key, 0, set.taken - 1) end
  answer[1] = answer[1] + redis.call('ZCARD', set.key)
end
return answer`

const pullScriptSha = createHash('sha1').update(pullScript).digest('hex')

interface ScriptCall {
  readonly count: number
  readonly mode: 'take' | 'peek'
}

const runScript = (link: RedisLink, keys: KeyList, { count, mode }: ScriptCall): Promise<TakenMembers> =>
  link.run(async (commands) => {
    try {
      return parseTaken(await commands.evalsha(pullScriptSha, keys.length, ...keys, count, mode))
    } catch (error) {
      if (!messageOf(error).startsWith('NOSCRIPT')) throw error
      return parseTaken(await commands.eval(pullScript, keys.length, ...keys, count, mode))
    }
  })

const parseTaken = (reply: unknown): TakenMembers => {
  if (!Array.isArray(reply)) return { left: 0, members: [] }
  const [left, ...flat]: readonly unknown[] = reply
  return { left: Number(left ?? 0), members: toMembers(flat) }
}

/** From member and score in turns. */
export const toMembers = (flat: readonly unknown[]): readonly RankedMember[] => {
  const members: RankedMember[] = []
  for (let place = 0; place + 1 < flat.length; place += 2) {
    members.push({ member: String(flat[place]), rank: Number(flat[place + 1]) })
  }
  return members
}
