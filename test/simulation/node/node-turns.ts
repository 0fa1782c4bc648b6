import { createPatience } from '#application/mechanisms/patience.ts'
import type { Clock, Timers } from '#application/ports/surroundings/clock.ts'
import type { ExclusiveWork } from '#application/ports/workers/exclusive-work.ts'
import type { DatabaseServer } from '../server/database-server.ts'
import type { TurnRow } from '../server/failing-database.ts'
import type { Ask } from './node-store.ts'

interface Deps {
  readonly server: DatabaseServer
  readonly ask: Ask
  readonly clock: Clock
  readonly timers: Timers
  /** Names the holder of each turn. */
  readonly name: string
}

interface Watched {
  readonly holder: string
  readonly beat: number
  readonly sinceMs: number
}

const leaseMs = 6_000

/** Turns as the adapter for Postgres takes them: by a row that is beaten for while the pass goes on. */
export const createNodeTurns = ({ server, ask, clock, timers, name: host }: Deps): ExclusiveWork => {
  const patience = createPatience(() => clock.monotonicMs())
  const watched = new Map<string, Watched>()
  let turns = 0

  const isUnchanged = (name: string, row: TurnRow, forMs: number): boolean => {
    const seen = watched.get(name)
    return seen?.holder === row.holder && seen.beat === row.beat && clock.monotonicMs() - seen.sinceMs >= forMs
  }

  const take = (name: string, everyMs: number, holder: string): TurnRow | 'taken' => {
    const row = server.held.turns.get(name)
    if (row !== undefined && !isDue(name, row, everyMs)) return row
    const begunAt = server.storeClock.now()
    server.held.turns.set(name, { holder, beat: (row?.beat ?? 0) + 1, state: 'under way', begunAt })
    return 'taken'
  }

  const isDue = (name: string, row: TurnRow, everyMs: number): boolean => {
    if (patience.isWaiting(name, everyMs)) return false
    if (row.state === 'failed') return true
    if (row.state === 'under way') return isUnchanged(name, row, leaseMs)
    return row.begunAt <= server.storeClock.now() - everyMs || isUnchanged(name, row, everyMs)
  }

  const beat = (name: string, holder: string, state: TurnRow['state']): Promise<void> =>
    ask('reconcile', async () => {
      const row = server.held.turns.get(name)
      if (row?.holder === holder)
        server.held.turns.set(name, { holder, beat: row.beat + 1, state, begunAt: row.begunAt })
    }).catch(() => {})

  const run = async (name: string, holder: string, pass: () => Promise<void>): Promise<void> => {
    let state: 'failed' | 'done' = 'failed'
    let renewal = (): void => {}
    const renew = (): void => {
      void beat(name, holder, 'under way')
      renewal = timers.after(leaseMs / 3, renew)
    }
    renewal = timers.after(leaseMs / 3, renew)
    try {
      await pass()
      state = 'done'
    } finally {
      renewal()
      patience.ended(name, state)
      await beat(name, holder, state)
    }
  }

  return {
    tryTurn: async (name, everyMs, pass) => {
      turns += 1
      const holder = `${host} ${turns}`
      const row = await ask('reconcile', async () => take(name, everyMs, holder))
      if (row === 'taken') {
        await run(name, holder, pass)
        return 'done'
      }
      const seen = watched.get(name)
      if (seen?.holder !== row.holder || seen.beat !== row.beat) {
        watched.set(name, { holder: row.holder, beat: row.beat, sinceMs: clock.monotonicMs() })
      }
      if (row.state === 'done' && !row.holder.startsWith(`${host} `)) patience.sawOthers(name)
      return row.state === 'under way' ? 'taken' : 'not-due'
    },
  }
}
