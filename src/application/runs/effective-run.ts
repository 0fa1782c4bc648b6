import { askUntilAnswered } from '../mechanisms/ask-until-answered.ts'
import { StoreUnavailableError } from '../ports/events/event-store.ts'
import type { EffectInDoubtError } from '../ports/ledger/handler-effects.ts'
import type { HeldEffect, RunLedger } from '../ports/ledger/idempotency-ledger.ts'
import type { Timers } from '../ports/surroundings/clock.ts'
import type { Random } from '../ports/surroundings/identities.ts'

/** A run as its effects see it. */
export interface EffectiveRun extends Omit<HeldEffect, 'name'> {
  readonly attempt: number
  readonly signal: AbortSignal
  /** Called when an effect is in doubt: the run ends by that, however its handler ends. */
  readonly onDoubt: (error: EffectInDoubtError) => void
}

export interface RunEffectsDeps {
  readonly ledger: RunLedger
  readonly timers: Timers
  readonly random: Random
}

/**
 * Asks until the store answers, or the run's signal has aborted: then once more, because the work of an effect may be done
 * already and only its record be missing. Throws what `ask` throws otherwise.
 */
export const askWhileRunning = <Answer>(
  { timers, random }: Pick<RunEffectsDeps, 'timers' | 'random'>,
  signal: AbortSignal,
  ask: () => Promise<Answer>,
): Promise<Answer> =>
  askUntilAnswered(ask, {
    isPassing: (error) => error instanceof StoreUnavailableError && !signal.aborted,
    sleep: (delayMs) => timers.sleep(delayMs, signal),
    random,
  })
