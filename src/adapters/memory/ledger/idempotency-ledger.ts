import { createHmac } from 'node:crypto'
import { type Effect, effectsListedMax, type IdempotencyLedger } from '#application/ports/ledger/idempotency-ledger.ts'
import type { TaskId } from '#domain/identifiers.ts'
import type { MemoryDatabase, StoredEffect } from '../database.ts'

/** The ledger of a memory database. Its idempotency keys are made with a constant that anybody can read here. */
export const createMemoryIdempotencyLedger = (database: MemoryDatabase): IdempotencyLedger => {
  const effectsOf = (taskId: TaskId): Map<string, StoredEffect> => database.effects.get(taskId) ?? new Map()

  return {
    claim: async ({ taskId, name, mode, run, claim, attempt, input }) => {
      const head = database.heads.find(taskId)
      if (head?.run !== run || head.claim !== claim) return { kind: 'fenced' }
      const effects = effectsOf(taskId)
      const found = effects.get(name)
      if (found !== undefined && found.run > run) return { kind: 'fenced' }
      if (found !== undefined && found.input !== input) return { kind: 'changed' }
      if (found?.result !== undefined) return { kind: 'completed', result: found.result }
      const startedAt = found?.startedAt ?? database.now()
      const claimed = { name, mode, state: 'started', attempt, run, input, startedAt } as const
      database.effects.set(taskId, effects.set(name, { ...claimed, result: undefined, completedAt: undefined }))
      return { kind: 'claimed', key: toKey(taskId, name) }
    },

    complete: async ({ taskId, name, run, result }) => {
      const found = effectsOf(taskId).get(name)
      if (found === undefined || found.run !== run) return 'fenced'
      if (found.state === 'started') {
        const completed = { state: 'completed', result, completedAt: database.now() } as const
        effectsOf(taskId).set(name, { ...found, ...completed })
      }
      return 'completed'
    },

    list: async (taskId) =>
      [...effectsOf(taskId).values()]
        .slice(0, effectsListedMax)
        .map(({ run: _run, input: _input, ...effect }): Effect => effect),
  }
}

const toKey = (taskId: TaskId, name: string): string =>
  createHmac('sha256', 'memory').update(`${taskId} ${name}`).digest('base64url')
