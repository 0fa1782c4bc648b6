import { createHmac } from 'node:crypto'
import { type DatabasePool, sql } from 'slonik'
import { z } from 'zod'
import {
  type ClaimVerdict,
  type EffectClaim,
  effectsListedMax,
  type IdempotencyLedger,
} from '#application/ports/ledger/idempotency-ledger.ts'
import { StoreUnavailableError } from '#application/ports/events/event-store.ts'
import type { TaskId } from '#domain/identifiers.ts'
import { withReadDeadline } from '../connection/read-deadline.ts'

/** How often a claim is tried that met a row which its snapshot could not see. */
const claimsMax = 5

/**
 * The ledger in `taskfold.effects`. A key is the HMAC of task and name under the secret of the installation, which every
 * process reads once from the database: it needs no configuration, and a restored backup keeps it.
 *
 * What it answers is on disk (durably.sql): otherwise an effect that has returned would be performed again after a crash.
 */
export const createPostgresIdempotencyLedger = ({ pool }: { readonly pool: DatabasePool }): IdempotencyLedger => {
  let secret: Buffer | undefined

  const toKey = async (taskId: TaskId, name: string): Promise<string> => {
    secret ??= Buffer.from(await withReadDeadline(pool.oneFirst(secretStatement)), 'hex')
    return createHmac('sha256', secret).update(`${taskId} ${name}`).digest('base64url')
  }

  return {
    claim: async (claim) => {
      // First, so that no effect is claimed whose key cannot be answered.
      const key = await toKey(claim.taskId, claim.name)
      for (let claims = 0; claims < claimsMax; claims += 1) {
        const verdict = toVerdict(claim, key, await withReadDeadline(pool.one(claimStatement(claim))))
        if (verdict !== undefined) return verdict
      }
      throw new StoreUnavailableError(`effect ${claim.name} was claimed ${claimsMax} times meanwhile`, 'not-stored')
    },

    complete: async (completion) => {
      const held = await withReadDeadline(
        pool.oneFirst(sql.type(z.object({ held: z.boolean() }))`
          with completed as (
            update taskfold.effects
            set result = ${completion.result}::json, completed_at = date_trunc('milliseconds', clock_timestamp())
            where task_id = ${completion.taskId}::uuid
            and name = ${completion.name}
            and run = ${completion.run}
            and completed_at is null
            returning task_id
          ), durable as (
            select taskfold.durably()
          )
          select exists (select from completed) or exists (
            select
            from taskfold.effects
            where task_id = ${completion.taskId}::uuid
            and name = ${completion.name}
            and run = ${completion.run}
            and completed_at is not null) as held
          from durable`),
      )
      return held ? 'completed' : 'fenced'
    },

    list: async (taskId) => {
      const rows = await withReadDeadline(pool.any(listStatement(taskId)))
      return rows.map((row) => ({
        name: row.name,
        mode: row.mode,
        state: row.completed_ms === null ? 'started' : 'completed',
        attempt: row.attempt,
        result: row.result ?? undefined,
        startedAt: row.started_ms,
        completedAt: row.completed_ms ?? undefined,
      }))
    },
  }
}

const secretStatement = sql.type(z.object({ secret: z.string() }))`
  select encode(effect_secret, 'hex') as secret
  from taskfold.installation`

const claimedRow = z.object({
  claimed: z.boolean(),
  in_force: z.boolean(),
  run: z.int().nullable(),
  same_input: z.boolean().nullable(),
  result: z.string().nullable(),
})

/** One statement: it claims if it may, and otherwise answers the row that stood in the way, as it was before. */
const claimStatement = ({ taskId, name, mode, run, claim, attempt, input }: EffectClaim) => sql.type(claimedRow)`
  with given as (
    select ${taskId}::uuid as task_id, ${name}::text as name, ${run}::int as run, ${claim}::uuid as claim,
           sha256(convert_to(${input ?? null}::text, 'UTF8')) as input_sha256
  ), in_force as (
    select
    from given
    join taskfold.tasks using (task_id, run, claim)
  ), claimed as (
    insert into taskfold.effects as e (task_id, name, mode, run, attempt, input_sha256)
    select task_id, name, ${mode}, run, ${attempt}::int, input_sha256
    from given
    where exists (select from in_force)
    on conflict (task_id, name) do update
    set run = excluded.run, attempt = excluded.attempt
    where e.completed_at is null
    and e.run <= excluded.run
    and e.input_sha256 is not distinct from excluded.input_sha256
    returning e.task_id
  ), durable as (
    select taskfold.durably()
  )
  select exists (select from claimed) as claimed,
         exists (select from in_force) as in_force,
         e.run, e.result::text as result,
         e.input_sha256 is not distinct from given.input_sha256 as same_input
  from durable, given
  left join taskfold.effects e using (task_id, name)`

/** Undefined when another transaction wrote the row meanwhile: the next claim sees it. */
const toVerdict = (claim: EffectClaim, key: string, row: z.output<typeof claimedRow>): ClaimVerdict | undefined => {
  if (row.claimed) return { kind: 'claimed', key }
  if (!row.in_force || (row.run !== null && row.run > claim.run)) return { kind: 'fenced' }
  if (row.run === null) return undefined
  if (row.same_input !== true) return { kind: 'changed' }
  return row.result === null ? undefined : { kind: 'completed', result: row.result }
}

const effectRow = z.object({
  name: z.string(),
  mode: z.enum(['idempotent']),
  attempt: z.int(),
  result: z.string().nullable(),
  started_ms: z.int(),
  completed_ms: z.int().nullable(),
})

const listStatement = (taskId: TaskId) => sql.type(effectRow)`
  select name, mode, attempt, result::text as result,
         (extract(epoch from started_at) * 1000)::bigint as started_ms,
         (extract(epoch from completed_at) * 1000)::bigint as completed_ms
  from taskfold.effects
  where task_id = ${taskId}::uuid
  order by started_at, name
  limit ${effectsListedMax}`
