import { type DatabasePool, sql } from 'slonik'
import { z } from 'zod'
import {
  doubtExamplesMax,
  type Effect,
  type EffectRecords,
  effectsListedMax,
  type Settlement,
} from '#application/ports/ledger/idempotency-ledger.ts'
import { parseTaskId, type TaskId } from '#domain/identifiers.ts'
import { withReadDeadline } from '../connection/read-deadline.ts'

/** Effects as people see and settle them. */
export const createPostgresEffectRecords = ({ pool }: { readonly pool: DatabasePool }): EffectRecords => ({
  list: async (taskId) => {
    const rows = await withReadDeadline(pool.any(listStatement(taskId)))
    return rows.map(toEffect)
  },

  settle: async (settlement) => {
    const settled = await withReadDeadline(pool.maybeOne(settleStatement(settlement)))
    if (settled !== null) return { kind: 'settled', effect: toEffect(settled) }
    const found = await withReadDeadline(pool.maybeOne(findStatement(settlement)))
    return found === null ? { kind: 'not-found' } : { kind: 'not-in-doubt', effect: toEffect(found) }
  },

  countInDoubt: async (limit) => {
    const rows = await withReadDeadline(pool.any(inDoubtStatement(limit)))
    return { tasks: rows.length, examples: rows.slice(0, doubtExamplesMax).map(({ task_id }) => parseTaskId(task_id)) }
  },
})

const effectRow = z.object({
  name: z.string(),
  mode: z.enum(['tx', 'idempotent', 'once', 'verify']),
  state: z.enum(['started', 'completed', 'in-doubt']),
  attempt: z.int(),
  result: z.string().nullable(),
  started_ms: z.int(),
  completed_ms: z.int().nullable(),
  settled_ms: z.int().nullable(),
  settled_by: z.string().nullable(),
  settle_reason: z.string().nullable(),
})

const toEffect = (row: z.output<typeof effectRow>): Effect => ({
  name: row.name,
  mode: row.mode,
  state: row.state,
  attempt: row.attempt,
  result: row.result ?? undefined,
  startedAt: row.started_ms,
  completedAt: row.completed_ms ?? undefined,
  settled:
    row.settled_ms === null
      ? undefined
      : { at: row.settled_ms, by: row.settled_by ?? undefined, reason: row.settle_reason ?? undefined },
})

/** Of an effect `e` and the head `t` of its task: the state as it is shown. */
const shownState = sql.fragment`
  case
    when e.state in ('completed', 'in-doubt') then e.state
    when e.state = 'claimed' and e.mode = 'once' and (e.run, e.claim) is distinct from (t.run, t.claim) then 'in-doubt'
    else 'started'
  end`

const effectColumns = sql.fragment`
  e.name, e.mode, e.attempt, e.result::text as result,
  (extract(epoch from e.started_at) * 1000)::bigint as started_ms,
  (extract(epoch from e.completed_at) * 1000)::bigint as completed_ms,
  (extract(epoch from e.settled_at) * 1000)::bigint as settled_ms,
  e.settled_by, e.settle_reason`

const listStatement = (taskId: TaskId) => sql.type(effectRow)`
  select ${shownState} as state, ${effectColumns}
  from taskfold.effects e
  left join taskfold.tasks t using (task_id)
  where task_id = ${taskId}::uuid
  order by e.started_at, e.name
  limit ${effectsListedMax}`

const findStatement = ({ taskId, name }: Pick<Settlement, 'taskId' | 'name'>) => sql.type(effectRow)`
  select ${shownState} as state, ${effectColumns}
  from taskfold.effects e
  left join taskfold.tasks t using (task_id)
  where task_id = ${taskId}::uuid
  and e.name = ${name}`

/** The head is locked: otherwise a run that starts meanwhile could take the effect over, and its claim be settled. */
const settleStatement = ({ taskId, name, outcome, by, reason }: Settlement) => sql.type(effectRow)`
  with t as (
    select run, claim
    from taskfold.tasks
    where task_id = ${taskId}::uuid
    for share
  ), durable as (
    select taskfold.durably(), date_trunc('milliseconds', clock_timestamp()) as now
  )
  update taskfold.effects e
  set state = ${outcome.kind},
      completed_at = case when ${outcome.kind} = 'completed' then durable.now end,
      result = ${outcome.kind === 'completed' ? outcome.result : null}::json,
      settled_at = durable.now, settled_by = ${by ?? null}, settle_reason = ${reason ?? null}
  from t, durable
  where e.task_id = ${taskId}::uuid
  and e.name = ${name}
  and ${shownState} = 'in-doubt'
  returning case e.state when 'completed' then e.state else 'started' end as state, ${effectColumns}`

const inDoubtStatement = (limit: number) => sql.type(z.object({ task_id: z.string() }))`
  select distinct task_id
  from taskfold.effects e
  left join taskfold.tasks t using (task_id)
  where e.state in ('claimed', 'in-doubt')
  and e.mode in ('once', 'verify')
  and ${shownState} = 'in-doubt'
  order by task_id desc
  limit ${limit}`
