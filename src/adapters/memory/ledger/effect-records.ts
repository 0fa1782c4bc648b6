import {
  doubtExamplesMax,
  type Effect,
  type EffectRecords,
  effectsListedMax,
  type Settlement,
} from '#application/ports/ledger/idempotency-ledger.ts'
import type { TaskId } from '#domain/identifiers.ts'
import type { MemoryDatabase, StoredEffect } from '../database.ts'
import { createEffectTable } from './effect-table.ts'

/** Effects as people see and settle them. */
export const createMemoryEffectRecords = (database: MemoryDatabase): EffectRecords => {
  const table = createEffectTable(database)
  const show = (taskId: TaskId, effect: StoredEffect): Effect => toEffect(effect, table.isInForce(taskId, effect))
  const listAll = (taskId: TaskId): readonly Effect[] =>
    [...(database.effects.get(taskId)?.values() ?? [])].map((effect) => show(taskId, effect))

  return {
    list: async (taskId) => listAll(taskId).slice(0, effectsListedMax),

    settle: async (settlement) => {
      const { taskId, name } = settlement
      const found = table.find(taskId, name)
      if (found === undefined) return { kind: 'not-found' }
      const effect = show(taskId, found)
      if (effect.state !== 'in-doubt') return { kind: 'not-in-doubt', effect }
      const settled = settle(found, settlement, database)
      table.put(taskId, settled)
      return { kind: 'settled', effect: show(taskId, settled) }
    },

    countInDoubt: async (limit) => {
      const taskIds = [...database.effects.keys()].filter((taskId) =>
        listAll(taskId).some(({ state }) => state === 'in-doubt'),
      )
      const counted = taskIds.toSorted().toReversed().slice(0, limit)
      return { tasks: counted.length, examples: counted.slice(0, doubtExamplesMax) }
    },
  }
}

const settle = (
  found: StoredEffect,
  { outcome, by, reason }: Settlement,
  { now }: Pick<MemoryDatabase, 'now'>,
): StoredEffect => {
  const settled = { ...found, settled: { at: now(), by, reason } }
  return outcome.kind === 'completed'
    ? { ...settled, state: 'completed', result: outcome.result, completedAt: now() }
    : { ...settled, state: 'not-done' }
}

const toEffect = (stored: StoredEffect, isInForce: boolean): Effect => {
  const { name, mode, attempt, result, startedAt, completedAt, settled } = stored
  return { name, mode, state: toShownState(stored, isInForce), attempt, result, startedAt, completedAt, settled }
}

const toShownState = ({ state, mode }: StoredEffect, isInForce: boolean): Effect['state'] => {
  if (state === 'completed' || state === 'in-doubt') return state
  return state === 'claimed' && mode === 'once' && !isInForce ? 'in-doubt' : 'started'
}
