import { createHash } from 'node:crypto'

/**
 * Takes the lowest ids over several sorted sets.
 *
 * KEYS     the sets to take from; in a Cluster all of one queue, so that they share a slot
 * ARGV[1]  how many ids to take, 1 to 1000
 * ARGV[2]  `take`, or `look` to answer what would be taken and leave it
 * returns  how many ids are left in all the sets, and then, lowest first, id and rank of each id taken
 *
 * Sets are read in pieces, for what is wanted of all may lie in any of them and mostly lies in several. What is taken from
 * each is its beginning, so it goes in one command. Only then is anything written: an error before takes nothing.
 */
const source = `
local wanted, answer, sets = tonumber(ARGV[1]), { 0 }, {}
local piece = math.ceil(wanted / #KEYS)
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
for _ = 1, wanted do
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

export const pullScript = { source, sha: createHash('sha1').update(source).digest('hex') } as const
