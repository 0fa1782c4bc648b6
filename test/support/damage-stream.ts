import { type DatabasePool, sql } from 'slonik'
import type { TaskId } from '#domain/identifiers.ts'
import { mintAppendId } from './ids.ts'

/** Appends an event of a kind that only a later release knows. */
export const damageStream = async (pool: DatabasePool, taskId: TaskId): Promise<void> => {
  await pool.query(sql.unsafe`
    insert into taskfold.events (task_id, version, append_id, recorded_at, xid, type, data)
    select ${taskId}::uuid, max(version) + 1, ${mintAppendId()}::uuid, max(recorded_at), pg_current_xact_id(), 'Paused', '{}'
    from taskfold.events
    where task_id = ${taskId}::uuid`)
}
