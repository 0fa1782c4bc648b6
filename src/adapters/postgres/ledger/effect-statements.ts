import { sql } from 'slonik'
import { z } from 'zod'
import type {
  ClaimVerdict,
  EffectClaim,
  EffectCompletion,
  HeldEffect,
} from '#application/ports/ledger/idempotency-ledger.ts'

const claimRow = z.object({
  verdict: z.enum(['claimed', 'completed', 'changed', 'in-doubt', 'fenced']),
  taken_over: z.boolean().nullable(),
  result: z.string().nullable(),
})

export const claimStatement = (given: EffectClaim) => sql.type(claimRow)`
  select o_verdict as verdict, o_taken_over as taken_over, o_result::text as result
  from taskfold.claim_effect(
    ${given.taskId}::uuid, ${given.name}, ${given.mode}, ${given.run}::int, ${given.claim}::uuid, ${given.attempt}::int,
    sha256(convert_to(${given.input ?? null}::text, 'UTF8')), ${given.unfinished})`

export const toVerdict = (key: string, { verdict, taken_over, result }: z.output<typeof claimRow>): ClaimVerdict => {
  switch (verdict) {
    case 'claimed':
      return { kind: 'claimed', key, since: taken_over === true ? 'taken-over' : 'new' }
    case 'completed':
      if (result === null) throw new Error('a completed effect has no result')
      return { kind: 'completed', result }
    case 'changed':
    case 'in-doubt':
    case 'fenced':
      return { kind: verdict }
  }
}

/** The condition that a run was the last to claim an effect. */
const isHeld = ({ taskId, name, run, claim }: HeldEffect) => sql.fragment`
  task_id = ${taskId}::uuid
  and name = ${name}
  and run = ${run}
  and claim = ${claim}::uuid`

/** Answers whether the effect is completed, now or before, and the run was the last to claim it. */
export const completeStatement = (completion: EffectCompletion) => sql.type(z.object({ held: z.boolean() }))`
  with completed as (
    update taskfold.effects
    set state = 'completed', result = ${completion.result}::json,
        completed_at = date_trunc('milliseconds', clock_timestamp())
    where ${isHeld(completion)}
    and state <> 'completed'
    returning task_id
  ), durable as (
    select taskfold.durably()
  )
  select exists (select from completed) or exists (
    select
    from taskfold.effects
    where ${isHeld(completion)}
    and state = 'completed') as held
  from durable`

const stateRow = z.object({ state: z.string() })

/** Answers the state of an effect that the run claimed last. */
export const giveBackStatement = (held: HeldEffect) => moveStatement(held, 'not-done')
export const doubtStatement = (held: HeldEffect) => moveStatement(held, 'in-doubt')

const moveStatement = (held: HeldEffect, state: 'not-done' | 'in-doubt') => sql.type(stateRow)`
  with moved as (
    update taskfold.effects
    set state = ${state}
    where ${isHeld(held)}
    and state = 'claimed'
    returning state
  ), durable as (
    select taskfold.durably()
  )
  select coalesce((select state from moved), (
    select state
    from taskfold.effects
    where ${isHeld(held)}), '') as state
  from durable`
