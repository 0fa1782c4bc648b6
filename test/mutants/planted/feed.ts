import { plantIn } from '../support/mutant.ts'

const contract = 'test/contracts/postgres.test.ts › the event feed'
const ofPostgres = 'test/adapters/postgres/events/event-feed.test.ts'
const followers = 'test/adapters/http/feed/feed-followers.test.ts'
const pages = 'test/adapters/http/feed/feed.test.ts'
const watching = 'test/adapters/http/feed/feed-watch.test.ts'
const area = 'feed'

const readFunction = plantIn({ area, file: 'migrations/functions/read_feed.sql', suites: [ofPostgres, contract] }, [
  {
    name: 'reads on while a transaction below may still commit',
    find: 'and e.xid < v_end',
    put: 'and e.xid <> v_end',
  },
  {
    name: 'gives the event of the cursor again',
    find: '(e.task_id, e.version) > (p_task, p_version)',
    put: '(e.task_id, e.version) >= (p_task, p_version)',
    suites: [contract],
  },
  {
    name: 'leaves out the rest of a transaction',
    find: 'and (e.xid > p_xid or (e.task_id, e.version) > (p_task, p_version))',
    put: 'and (e.xid > p_xid or p_version = 0)',
    suites: [contract],
  },
  {
    name: 'gives a page of any weight',
    find: 'exit when v_bytes > 0 and v_bytes + v_weight > p_bytes_max;',
    put: '',
  },
])

const endFunction = plantIn({ area, file: 'migrations/functions/feed_end.sql', suites: [ofPostgres] }, [
  {
    name: 'waits for transactions of other databases',
    find: 'and a.datname <> current_database())',
    put: 'and a.datname is null)',
  },
])

const postgresFeed = plantIn({ area, file: 'src/adapters/postgres/events/event-feed.ts', suites: [ofPostgres] }, [
  {
    name: 'begins at the next transaction when asked for the latest',
    find: 'taskfold.feed_position(taskfold.feed_end())::text::bigint as end_xid',
    put: 'taskfold.feed_position(pg_snapshot_xmax(pg_current_snapshot()))::text::bigint as end_xid',
  },
  {
    name: 'takes a cursor of another history',
    find: 'f.epoch = coalesce(${epoch}::text, f.epoch)',
    put: '(f.epoch = coalesce(${epoch}::text, f.epoch) or true)',
  },
])

const watch = plantIn({ area, file: 'src/adapters/http/feed/feed-watch.ts', suites: [watching] }, [
  {
    name: 'gives a follower what it has had',
    find: "const events = page.events.filter(({ cursor }) => placeOf(after, cursor) === 'before')",
    put: 'const { events } = page',
  },
  {
    name: 'leaves followers asleep when the watch cannot go on',
    find: "for (const follower of followers) follower.resume('catch-up')",
    put: '',
  },
])

const tail = plantIn({ area, file: 'src/adapters/http/feed/feed-tail.ts', suites: [followers, pages] }, [
  {
    name: 'skips what a follower has missed',
    find: "if (found === 'catch-up' || watch.end() === undefined || isBehind(after)) {",
    put: "if (found === 'catch-up') {",
  },
])

const upcasting = plantIn(
  { area, file: 'src/adapters/postgres/events/upcasters.ts', suites: ['test/adapters/postgres/events/codec.test.ts'] },
  [
    {
      name: 'reads a known event of a later schema as its own',
      find: 'if (version < 1 || version > steps.length + 1)',
      put: 'if (version < 1)',
    },
  ],
)

export const feed = [...readFunction, ...endFunction, ...postgresFeed, ...watch, ...tail, ...upcasting]
