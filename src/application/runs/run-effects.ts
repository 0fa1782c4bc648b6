import { toFingerprintText } from '../mechanisms/fingerprint-text.ts'
import {
  EffectInUseError,
  type EffectOptions,
  type PerformEffect,
  type TransactionOptions,
  type TransactionWork,
} from '../ports/ledger/handler-effects.ts'
import { effectNamePattern } from '../ports/ledger/idempotency-ledger.ts'
import { PermanentError } from '../ports/task-handler.ts'
import { createClaimedEffects, type EffectUse } from './claimed-effects.ts'
import { performTransacted, type TransactionUse } from './transacted-effects.ts'
import type { EffectiveRun, RunEffectsDeps } from './effective-run.ts'

/** The effects of one run. */
export interface RunEffects {
  /** `HandlerContext.effect`. */
  readonly perform: PerformEffect
}

/** Of one run: each effect is a row for as long as the task is kept. */
const effectsPerRunMax = 1_000

/**
 * Performs effects by the ledger: claims, does the work, records its result. A store that is away is asked again until the
 * run's signal aborts, at its time limit at the latest.
 */
export const createRunEffects = (deps: RunEffectsDeps, run: EffectiveRun): RunEffects => {
  const names = new Set<string>()
  const inUse = new Set<string>()
  const claimed = createClaimedEffects(deps, run)

  const perform: PerformEffect = async (
    name: string,
    options: EffectOptions | TransactionOptions,
    work: TransactionWork<unknown>,
  ) => {
    const use = parseUse(name, options)
    if (inUse.has(name)) throw new EffectInUseError(`effect ${name} is being performed by this run already`)
    run.signal.throwIfAborted()
    if (names.size >= effectsPerRunMax && !names.has(name)) {
      throw new PermanentError(`a run may have ${effectsPerRunMax} effects; name those that belong together as one`)
    }
    names.add(name)
    inUse.add(name)
    try {
      // Later attempts get the result as it was written: the first one gets the same value.
      const result =
        use.mode === 'tx'
          ? performTransacted(deps, run, use, work)
          : claimed.perform(use, (context) => work({ ...context, query: () => refuseQuery(use) }))
      return JSON.parse(await result)
    } finally {
      inUse.delete(name)
    }
  }
  return { perform }
}

const refuseQuery = ({ name, mode }: EffectUse): Promise<never> =>
  Promise.reject(new TypeError(`effect ${name}: only an effect in mode tx has a query, and this is ${mode}`))

/** Handlers may be plain JavaScript, which no compiler checked. Throws a TypeError. */
const parseUse = (name: unknown, options: EffectOptions | TransactionOptions): EffectUse | TransactionUse => {
  if (typeof name !== 'string' || !effectNamePattern.test(name)) {
    throw new TypeError('an effect is named by 1 to 128 letters, digits or . _ : - and begins with a letter or a digit')
  }
  const given: EffectOptions | TransactionOptions | undefined = options ?? undefined
  const input = given?.input === undefined ? undefined : toFingerprintText(given.input)
  switch (given?.mode) {
    case 'tx':
      return { name, mode: given.mode, input }
    case 'idempotent':
      return { name, mode: given.mode, input, inquiry: undefined }
    case 'once':
      if (given.reconcile !== undefined) assertFunction(name, 'reconcile', given.reconcile)
      return { name, mode: given.mode, input, inquiry: given.reconcile }
    case 'verify':
      assertFunction(name, 'verify', given.verify)
      return { name, mode: given.mode, input, inquiry: given.verify }
    default:
      throw new TypeError(`effect ${name}: mode must be tx, idempotent, once or verify`)
  }
}

const assertFunction = (name: string, member: string, value: unknown): void => {
  if (typeof value !== 'function') throw new TypeError(`effect ${name}: ${member} must be a function`)
}
