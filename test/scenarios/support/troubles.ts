import { randomUUID } from 'node:crypto'
import type { DatabaseWatch } from './database-watch.ts'

/** Something that is wrong with an installation, and the finding it must lead to. */
export interface Trouble {
  readonly code: string
  readonly severity: 'warning' | 'trouble'
  readonly plant: (query: DatabaseWatch['query']) => Promise<unknown>
}

interface PlantedWorker {
  readonly silentForMs?: number
  readonly running?: number
  readonly clockAheadMs?: number
}

/** A row as a worker would have written it. */
export const plantWorker = (
  query: DatabaseWatch['query'],
  { silentForMs = 0, running = 0, clockAheadMs = 0 }: PlantedWorker = {},
): Promise<unknown> =>
  query(
    `insert into taskfold.workers (incarnation, host, pid, types, concurrency, lease_ms, running, started_at, last_beat_at, clock_ahead_ms)
     values ($1, 'a-host', 1, '{demo.echo}', 5, 3600000, $2, clock_timestamp() - interval '1 day', clock_timestamp() - $3::float8 * interval '1 ms', $4)`,
    [randomUUID(), running, silentForMs, clockAheadMs],
  )

const hourMs = 3_600_000

/** A head that has been ready for an hour. */
const plantReadyTask = (query: DatabaseWatch['query'], type: string): Promise<unknown> =>
  query(
    `with route as (
       insert into taskfold.routes (queue, type) values ('default', $1)
       on conflict (queue, type) do update set type = excluded.type returning id
     )
     insert into taskfold.tasks (task_id, ready_at, last_at, version, route, attempt, priority, status)
     select taskfold.lowest_task_id(now()), now() - interval '1 hour', now(), 1, id, 0, 7, 'PENDING' from route`,
    [type],
  )

const weeks = `select format('%I', c.relname) as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
  where i.inhparent = 'taskfold.events'::regclass and c.relname > 'events_' || to_char(now() at time zone 'UTC', 'YYYYMMDD')`

/** What is planted in a database that is otherwise in order. */
export const storedTroubles: readonly Trouble[] = [
  {
    code: 'synchronous-commit-off',
    severity: 'warning',
    plant: (query) =>
      query(`do $$ begin execute format('alter database %I set synchronous_commit = off', current_database()); end $$`),
  },
  {
    code: 'database-read-only',
    severity: 'trouble',
    plant: (query) =>
      query(
        `do $$ begin execute format('alter database %I set default_transaction_read_only = on', current_database()); end $$`,
      ),
  },
  {
    code: 'migrations-pending',
    severity: 'trouble',
    plant: (query) => query(`delete from taskfold.migrations where name = (select max(name) from taskfold.migrations)`),
  },
  {
    code: 'later-release',
    severity: 'trouble',
    plant: (query) => query(`insert into taskfold.migrations (name) values ('9999_later')`),
  },
  {
    code: 'schema-unsupported',
    severity: 'trouble',
    plant: (query) => query(`insert into taskfold.migrations (name) values ('0001_routes')`),
  },
  {
    code: 'partitions-few',
    severity: 'warning',
    plant: async (query) => {
      const [, second] = await query(`${weeks} order by 1`)
      await query(`drop table taskfold.${String(second?.['name'])}`)
    },
  },
  {
    code: 'worker-clocks-apart',
    severity: 'trouble',
    plant: (query) => plantWorker(query, { clockAheadMs: -90_000 }),
  },
  { code: 'no-worker', severity: 'trouble', plant: (query) => query('delete from taskfold.workers') },
  {
    code: 'workers-silent',
    severity: 'trouble',
    plant: (query) => plantWorker(query, { silentForMs: 4 * hourMs }),
  },
  {
    code: 'routes-unserved',
    severity: 'warning',
    plant: (query) => plantReadyTask(query, 'served.by-nobody'),
  },
  { code: 'tasks-not-taken', severity: 'trouble', plant: (query) => plantReadyTask(query, 'demo.echo') },
  {
    code: 'backlog',
    severity: 'warning',
    plant: async (query) => {
      await query('update taskfold.workers set running = concurrency')
      await plantReadyTask(query, 'demo.echo')
    },
  },
  {
    code: 'runs-abandoned',
    severity: 'trouble',
    plant: (query) =>
      query(
        `update taskfold.tasks set status = 'PROCESSING', run = 2, ready_at = null, incarnation = gen_random_uuid()
         where task_id = (select task_id from taskfold.tasks order by task_id limit 1)`,
      ),
  },
  {
    code: 'effects-in-doubt',
    severity: 'warning',
    // The run that claimed it is over: the task has ended.
    plant: (query) =>
      query(
        `insert into taskfold.effects (task_id, claim, run, attempt, name, mode)
         select task_id, gen_random_uuid(), 2, 1, 'charge', 'once' from taskfold.tasks order by task_id limit 1`,
      ),
  },
  {
    code: 'recovery-idle',
    severity: 'trouble',
    plant: (query) => query(`update taskfold.exclusive_work set begun_at = begun_at - interval '1 hour'`),
  },
  {
    code: 'heads-unlike-events',
    severity: 'trouble',
    plant: (query) =>
      query(
        `update taskfold.tasks set attempt = attempt + 1 where task_id = (select task_id from taskfold.tasks order by task_id desc limit 1)`,
      ),
  },
  {
    code: 'histories-unreadable',
    severity: 'trouble',
    plant: (query) =>
      query(
        `insert into taskfold.events (task_id, append_id, recorded_at, xid, version, type)
         select task_id, gen_random_uuid(), recorded_at, xid, version + 1, 'Unheard'
         from taskfold.events order by task_id desc, version desc limit 1`,
      ),
  },
]
