import { type DatabasePool, sql } from 'slonik'
import { z } from 'zod'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import { createPeriodicLoop, type PeriodicLoop } from '#application/mechanisms/periodic-loop.ts'
import type { Clock, Timers } from '#application/ports/surroundings/clock.ts'
import { withReadDeadline } from '../connection/read-deadline.ts'

/**
 * Notices a database that goes on without its last commits: restored elsewhere, or a standby that was promoted. Then
 * another epoch of the event feed begins, every worker goes on as a new incarnation (see adopt_installation.sql), and this
 * process forgets what it has read.
 */
export interface HomeWatch {
  /** Looks over a new connection, before anything else goes over it. */
  look(this: void, query: (statement: string) => Promise<{ readonly rows: readonly unknown[] }>): Promise<void>
  /** Calls `forget` whenever the process must forget what it has read. */
  onMoved(forget: () => void): void
  /** Looks every few seconds through the pool as well: a pooler hides new connections. */
  createLoop(pool: DatabasePool): PeriodicLoop
}

interface Deps {
  readonly clock: Clock
  readonly timers: Timers
  readonly logger: Logger
}

const lookEveryMs = 3_000
const statement = 'select adopted, epoch from taskfold.adopt_installation()'
const answer = z.object({ adopted: z.boolean(), epoch: z.string() })

export const createHomeWatch = (deps: Deps): HomeWatch => {
  let known: string | undefined
  const forgetters: (() => void)[] = []

  const note = ({ adopted, epoch }: z.output<typeof answer>): void => {
    if (adopted) logAdopted(deps.logger)
    if (known !== undefined && known !== epoch) {
      deps.logger.warn({}, 'the database goes on without its last commits: this process begins anew')
      for (const forget of forgetters) forget()
    }
    known = epoch
  }

  return {
    look: async (query) => note(answer.parse((await query(statement)).rows[0])),
    onMoved: (forget) => void forgetters.push(forget),
    createLoop: (pool) =>
      createPeriodicLoop(deps, {
        name: 'home',
        pass: async () => note(await withReadDeadline(pool.one(adoptStatement))),
        everyMs: () => lookEveryMs,
      }),
  }
}

const adoptStatement = sql.type(answer)`select adopted, epoch from taskfold.adopt_installation()`

/** Looks once, for whoever watches nothing. Idempotent. Throws StoreUnavailableError. */
export const adoptInstallation = async ({
  pool,
  logger,
}: {
  readonly pool: DatabasePool
  readonly logger: Logger
}): Promise<void> => {
  if ((await withReadDeadline(pool.one(adoptStatement))).adopted) logAdopted(logger)
}

const logAdopted = (logger: Logger): void =>
  logger.warn({}, 'found the database restored or promoted: positions in the event feed given out before are refused')
