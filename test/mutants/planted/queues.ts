import { plantIn } from '../support/mutant.ts'

const inPostgres = 'test/contracts/postgres-queue.test.ts'
const ofPostgres = 'test/adapters/postgres/queue/task-queue.test.ts'
const inRedis = 'test/contracts/redis.test.ts'
const memory = 'test/adapters/postgres/queue/pull-memory.test.ts'
const area = 'queues'

const pullFunction = plantIn({ area, file: 'migrations/functions/pull_hints.sql', suites: [inPostgres, ofPostgres] }, [
  {
    name: 'leaves hints in the queue that it hands out',
    find: `  if v_places is not null then
    delete from`,
    put: `  if v_places is null then
    delete from`,
  },
  {
    name: 'takes the hints of one route before those of the next',
    find: `      order by front.rank, front.task_id
      limit p_max) lowest`,
    put: '      limit p_max) lowest',
  },
  {
    name: 'takes the highest hints of a route',
    find: `      where q.route = p_routes[1]
      and q.rank >= v_from
      order by q.rank, q.task_id`,
    put: `      where q.route = p_routes[1]
      and q.rank >= v_from
      order by q.rank desc, q.task_id`,
  },
  {
    name: 'says that a queue is empty when it gave all that was asked for',
    find: 'coalesce(cardinality(v_places), 0) < p_max then',
    put: 'coalesce(cardinality(v_places), 0) <= p_max then',
  },
])

const pushFunction = plantIn(
  {
    area,
    file: 'migrations/functions/push_hints.sql',
    suites: [inPostgres, 'test/adapters/postgres/queue/bounded-push.test.ts'],
  },
  [
    {
      name: 'lets a queue grow without bound',
      find: 'if found then',
      put: 'if false then',
    },
    {
      name: 'drops the most urgent hints of a full queue',
      find: '(q.rank, q.task_id) >= (v_cut.rank, v_cut.task_id)',
      put: '(q.rank, q.task_id) < (v_cut.rank, v_cut.task_id)',
    },
    {
      name: 'tells nobody of a push',
      find: 'perform pg_notify(p_channel, p_news);',
      put: 'perform p_channel;',
      suites: [inPostgres, ofPostgres],
    },
  ],
)

const push = plantIn({ area, file: 'src/adapters/postgres/queue/bounded-push.ts', suites: [inPostgres] }, [
  {
    name: 'loses a push of which one hint was there',
    find: "if (findSqlState(error) !== alreadyThere) throw error\n      await pushHints(pool, push, 'merge')",
    put: 'if (findSqlState(error) !== alreadyThere) throw error',
  },
])

const pullMemory = plantIn({ area, file: 'src/adapters/postgres/queue/pull-memory.ts', suites: [memory] }, [
  {
    name: 'passes over what was pushed while it pulled',
    find: 'for (const pull of underWay) pull.lowestRank = Math.min(pull.lowestRank, lowestRank)',
    put: '',
  },
  {
    name: 'passes over a push below what it has taken',
    find: 'if (known !== undefined && lowestRank < known.rank) known = { key: known.key, rank: lowestRank }',
    put: '',
  },
  {
    name: 'never reads a queue from its front again',
    find: 'const isFresh = nowMs - readAllAtMs < readAllEveryMs\n',
    put: 'const isFresh = nowMs - readAllAtMs < Number.POSITIVE_INFINITY\n',
  },
  {
    name: 'goes by what it has taken of other routes',
    find: 'isFresh && known?.key === key && Number.isFinite(known.rank)',
    put: 'isFresh && known !== undefined && Number.isFinite(known.rank)',
  },
])

const waitingPulls = plantIn(
  {
    area,
    file: 'src/adapters/postgres/queue/waiting-pulls.ts',
    suites: ['test/adapters/postgres/queue/waiting-pulls.test.ts'],
  },
  [
    {
      name: 'sleeps through a push between its check and its wait',
      find: 'if (wakes !== wakesBefore) wake(pull.routes)',
      put: '',
    },
    {
      name: 'loses what a check took whose time was over',
      find: "if (state === 'waiting') end(() => outcome.resolve({ taskIds: [], left: 0 }))",
      put: "if (state !== 'ended') end(() => outcome.resolve({ taskIds: [], left: 0 }))",
    },
    {
      name: 'never looks without being told',
      find: `      schedulePoll()
      wake('all')`,
      put: '      schedulePoll()',
    },
  ],
)

const takeLowest = plantIn({ area, file: 'src/adapters/redis/queue/take-lowest.ts', suites: [inRedis] }, [
  {
    name: 'takes equal ranks in any order',
    find: ' or (set.rank == lowest.rank and set.id < lowest.id)',
    put: ' or (set.rank == lowest.rank and set.id > lowest.id)',
  },
  {
    name: 'leaves in Redis what it hands out',
    find: "if set.taken > 0 and ARGV[2] == 'take' then",
    put: "if set.taken > 0 and ARGV[2] == 'never' then",
  },
  {
    name: 'looks at one piece of a set alone',
    find: 'set.more = #found == piece * 2',
    put: 'set.more = false',
  },
  {
    name: 'says that nothing is left',
    find: "answer[1] = answer[1] + redis.call('ZCARD', set.key)",
    put: "answer[1] = answer[1] + redis.call('ZCARD', set.key) * 0",
  },
])

const redisPush = plantIn({ area, file: 'src/adapters/redis/queue/bounded-push.ts', suites: [inRedis] }, [
  {
    name: 'raises the rank of a hint that is there',
    find: "pipeline.zadd(key, 'LT', ...",
    put: 'pipeline.zadd(key, ...',
  },
  {
    name: 'lets a set grow without bound',
    find: '      pipeline.zremrangebyrank(key, queueIdsMax, -1)\n',
    put: '',
  },
  {
    name: 'keeps the sets of routes that are over for ever',
    find: '      pipeline.expire(key, idleSetTtlSeconds)\n',
    put: '',
    suites: [inRedis, 'test/adapters/redis/costs.test.ts', 'test/adapters/redis/troubles.test.ts'],
  },
])

const blockingPulls = plantIn(
  {
    area,
    file: 'src/adapters/redis/queue/blocking-pulls.ts',
    suites: [inRedis, 'test/adapters/redis/troubles.test.ts'],
  },
  [
    {
      name: 'waits for the first of its sets alone',
      find: "pipeline.bzmpop(Math.max(waitMs, 1) / 1_000, keys.length, [...keys], 'MIN'",
      put: "pipeline.bzmpop(Math.max(waitMs, 1) / 1_000, 1, keys.slice(0, 1), 'MIN'",
    },
    {
      name: 'takes the highest of a set that it waited for',
      find: "[...keys], 'MIN', 'COUNT', max)",
      put: "[...keys], 'MAX', 'COUNT', max)",
    },
  ],
)

export const queues = [
  ...pullFunction,
  ...pushFunction,
  ...push,
  ...pullMemory,
  ...waitingPulls,
  ...takeLowest,
  ...redisPush,
  ...blockingPulls,
]
