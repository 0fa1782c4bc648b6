import { plantIn } from '../support/mutant.ts'

const store = 'test/adapters/postgres/events/event-store.test.ts'
const steps = 'test/adapters/postgres/events/stepping-clock.test.ts'
const keys = 'test/adapters/postgres/events/submit-keys.test.ts'
const statement = 'test/adapters/postgres/events/append-statement.test.ts'
const contract = 'test/contracts/postgres-store.test.ts'

/** The one way in which events and heads are written. */
export const appendFunction = plantIn(
  { area: 'append function', file: 'migrations/functions/append.sql', suites: [contract] },
  [
    {
      name: 'appends to a head at any version',
      find: `where h.task_id = e_task[a_event[i]]
      and h.version = e_version[a_event[i]] - 1
      and case`,
      put: `where h.task_id = e_task[a_event[i]]
      and case`,
    },
    {
      name: 'takes an outcome for a run of another claim',
      find: 'when a_claimed[i] is not null then h.claim = a_claimed[i]',
      put: 'when a_claimed[i] is not null then true',
    },
    {
      name: 'starts a task that is not ready',
      find: 'then h.ready_at is not null and h.attempt = a_attempt[i] - 1',
      put: 'then h.attempt = a_attempt[i] - 1',
    },
    {
      name: 'starts an attempt out of its turn',
      find: 'then h.ready_at is not null and h.attempt = a_attempt[i] - 1',
      put: 'then h.ready_at is not null',
    },
    {
      name: 'gives a run a new claim with each of its events',
      find: 'when a_run[i] = h.run then h.claim',
      put: 'when false then h.claim',
    },
    {
      name: 'lets the time of a stream step back',
      find: 'last_at = greatest(h.last_at, v_now)',
      put: 'last_at = v_now',
      suites: [steps],
    },
    {
      name: 'counts a delay from a clock that stepped back',
      find: 'greatest(h.last_at, v_now) + a_delay_ms[i]',
      put: 'v_now + a_delay_ms[i]',
      suites: [steps],
    },
    {
      name: 'sets no head whose last instant is ahead of the clock',
      find: 'foreach v_ahead in array array[false, true] loop',
      put: 'foreach v_ahead in array array[false] loop',
      suites: [steps],
    },
    {
      name: 'records the events of a stream that is ahead at the instant of the clock',
      find: 'e_task[j], e_version[j], e_append[j], h.last_at, v_xid',
      put: 'e_task[j], e_version[j], e_append[j], v_now, v_xid',
      suites: [steps],
    },
    {
      name: 'tells the instant of the clock for a stream that is ahead',
      find: `where v.verdict <> 'appended'
  or v.last_at <> v_now;`,
      put: `where v.verdict <> 'appended';`,
      suites: [steps],
    },
    {
      name: 'does not recognise an append that was stored before',
      find: "when e.append_id = e_append[a_event[i]] then 'already'",
      put: "when false then 'already'",
    },
    {
      name: 'takes any append at that version for its own',
      find: "when e.append_id = e_append[a_event[i]] then 'already'",
      put: "when e.append_id is not null then 'already'",
    },
    {
      name: 'tells of a held head as of a conflict',
      find: `then 'busy'
          else 'conflict'`,
      put: `then 'conflict'
          else 'conflict'`,
      suites: [store],
    },
    {
      name: 'waits for a held head as long as it is held',
      find: 'for no key update skip locked)',
      put: 'for no key update)',
      suites: [store],
    },
    {
      name: 'takes keys in the order in which they were given',
      find: 'order by k_scope[i], k_key[i], i',
      put: 'order by i',
      suites: [keys],
    },
    {
      name: 'lets an equal key begin a second task',
      find: `and s.key = k_key[i]
        and s.task_id = e_task[a_event[i]]);`,
      put: 'and s.key = k_key[i]);',
    },
    {
      name: 'names the holder of an equal key in another scope',
      find: 'left join submit_keys s on s.scope = k_scope[i] and s.key = k_key[i]',
      put: 'left join submit_keys s on s.key = k_key[i]',
    },
    {
      name: 'tells of a key that was purged meanwhile as of a duplicate',
      find: "case when s.task_id is null then 'busy' else 'duplicate' end",
      put: "'duplicate'",
      suites: [keys],
    },
    {
      name: 'keeps the key of an append that lost its head',
      find: `if k_key is not null then
    delete from submit_keys s`,
      put: `if false then
    delete from submit_keys s`,
    },
    {
      name: 'gives back the key of an append that was stored before',
      find: '    and s.xmin = v_me\n',
      put: '',
    },
    {
      name: 'stores a part of what belongs together',
      find: 'if p_atomic and v_refused then',
      put: 'if false then',
    },
    {
      name: 'takes a key of another request into what belongs together',
      find: "v.verdict in ('busy', 'conflict') or v.held_with <> v.asked_with",
      put: "v.verdict in ('busy', 'conflict')",
    },
    {
      name: 'acknowledges what is not on disk',
      find: "in ('off', 'local') then",
      put: "in ('local') then",
      suites: [store],
    },
    {
      name: 'stores the events of appends that lost their head',
      find: '  where h.xmin = v_me;',
      put: '  where h.xmin = v_me or h.version > e_version[j];',
    },
  ],
)

export const appendStatement = plantIn(
  {
    area: 'append function',
    file: 'src/adapters/postgres/events/append-statement.ts',
    suites: ['test/adapters/postgres/group-commit/contended-heads.test.ts'],
  },
  [
    {
      name: 'sets heads in the order in which they were given',
      find: 'batch.toSorted((a, b) => (a.streamId < b.streamId ? -1 : 1))',
      put: '[...batch]',
    },
    {
      name: 'lets a value that the server refuses into a batch',
      find: 'assertWhole(head.priority, int4Max)',
      put: '',
      suites: [statement],
    },
    {
      name: 'takes the verdicts of a batch in the order in which they were told',
      find: 'byEvent.get(firstEvents[index] ?? 0)',
      put: 'byEvent.get(index + 1)',
      suites: [statement],
    },
  ],
)
