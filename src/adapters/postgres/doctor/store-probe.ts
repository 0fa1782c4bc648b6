import { statfs } from 'node:fs/promises'
import { type DatabasePool, sql } from 'slonik'
import { z } from 'zod'
import type { StoreProbe, StoreSpace } from '#application/ports/diagnostics.ts'
import { withReadDeadline } from '../connection/read-deadline.ts'

export const createPostgresStoreProbe = ({ pool }: { readonly pool: DatabasePool }): StoreProbe => ({
  readClock: async () => withReadDeadline(pool.oneFirst(clockStatement)),
  findPlaceEnd: async () => (await withReadDeadline(pool.oneFirst(placeStatement))) ?? undefined,
  readSpace: async () => {
    const { usedBytes, localFolder } = await withReadDeadline(pool.one(spaceStatement))
    return { usedBytes, disk: localFolder === null ? undefined : await readDisk(localFolder) }
  },
  readExclusiveWork: async () => {
    const rows = await withReadDeadline(pool.any(exclusiveWorkStatement))
    return new Map(rows.map(({ name, agoMs }) => [name, agoMs]))
  },
})

const clockStatement = sql.type(z.object({ now: z.number() }))`
  select (extract(epoch from clock_timestamp()) * 1000)::float8 as now`

/** The end of the last week that has a partition, counted from the present week without a gap. */
const placeStatement = sql.type(z.object({ end: z.number().nullable() }))`
  with recursive placed as (
    select date_trunc('week', now() at time zone 'UTC') as week, 1 as number
    where to_regclass('taskfold.events_' || to_char(date_trunc('week', now() at time zone 'UTC'), 'YYYYMMDD')) is not null
    union all
    select week + interval '7 days', number + 1
    from placed
    where to_regclass('taskfold.events_' || to_char(week + interval '7 days', 'YYYYMMDD')) is not null
    and number < 100
  )
  select (extract(epoch from max(week) + interval '7 days') * 1000)::float8 as end
  from placed`

/** Few roles may read where the data are, and it is a path of this host only when the server runs here. */
const spaceStatement = sql.type(z.object({ usedBytes: z.number(), localFolder: z.string().nullable() }))`
  select
    pg_database_size(current_database())::float8 as "usedBytes",
    case
      when (inet_server_addr() is null or inet_server_addr() <<= inet '127.0.0.0/8' or inet_server_addr() = inet '::1')
      and pg_has_role(current_user, 'pg_read_all_settings', 'usage')
      then current_setting('data_directory', true)
    end as "localFolder"`

/** Undefined also for a server in a container that is reached by a loopback address: its folder is not on this host. */
const readDisk = async (folder: string): Promise<StoreSpace['disk']> => {
  try {
    const { bavail, blocks, bsize } = await statfs(folder)
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize }
  } catch {
    return undefined
  }
}

const exclusiveWorkStatement = sql.type(z.object({ name: z.string(), agoMs: z.number() }))`
  select name, (extract(epoch from clock_timestamp() - begun_at) * 1000)::float8 as "agoMs"
  from taskfold.exclusive_work`
