import type { MemoryTransactions } from '#adapters/memory/ledger/effect-transactions.ts'
import { EffectQueryError } from '#application/ports/ledger/handler-effects.ts'

/** A table `notes (note text primary key)` that effects in mode `tx` write to. */
export interface Notes {
  /** Those that are committed, sorted. */
  read(): Promise<readonly string[]>
}

export const insertNote = 'insert into notes (note) values ($1)'

/** Understands `insertNote` alone; any other statement fails as a syntax error. */
export const createMemoryNotes = (): MemoryTransactions & Notes => {
  const committed = new Set<string>()
  return {
    read: async () => [...committed].toSorted(),
    begin: () => {
      const written = new Set<string>()
      let failure: EffectQueryError | undefined
      const fail = (message: string, code: string): never => {
        failure = new EffectQueryError(message, { code })
        throw failure
      }
      return {
        query: async (text, [note] = []) => {
          if (failure !== undefined) return fail('the transaction has failed', '25P02')
          if (text !== insertNote || typeof note !== 'string') return fail('syntax error', '42601')
          if (committed.has(note) || written.has(note)) return fail('there is such a note', '23505')
          written.add(note)
          return { rows: [], rowCount: 1 }
        },
        commit: () => {
          if (failure !== undefined) throw new EffectQueryError(failure.message, { code: '25P02' }, { cause: failure })
          for (const note of written) committed.add(note)
        },
        rollback: () => written.clear(),
      }
    },
  }
}
