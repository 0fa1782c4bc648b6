import type { AppendId, Run, TaskId } from '#domain/identifiers.ts'
import type { JsonText } from '#domain/task/events.ts'
import { askUntilAnswered } from '../mechanisms/ask-until-answered.ts'
import { toFingerprintText } from '../mechanisms/fingerprint-text.ts'
import type { Timers } from '../ports/surroundings/clock.ts'
import { StoreUnavailableError } from '../ports/events/event-store.ts'
import { effectNamePattern, effectResultBytesMax, type RunLedger } from '../ports/ledger/idempotency-ledger.ts'
import type { Random } from '../ports/surroundings/identities.ts'
import {
  AbortReason,
  EffectChangedError,
  EffectInDoubtError,
  EffectInUseError,
  type EffectOptions,
  type EffectWork,
  PermanentError,
} from '../ports/task-handler.ts'

/** The effects of one run. */
export interface RunEffects {
  /** `HandlerContext.effect`. */
  perform<Result>(name: string, options: EffectOptions, work: EffectWork<Result>): Promise<Result>
}

interface Deps {
  readonly ledger: Pick<RunLedger, 'claim' | 'complete'>
  readonly timers: Timers
  readonly random: Random
}

interface EffectiveRun {
  readonly taskId: TaskId
  readonly run: Run
  readonly claim: AppendId
  readonly attempt: number
  readonly signal: AbortSignal
}

/** Of one run: each effect is a row for as long as the task is kept. */
const effectsPerRunMax = 1_000

/**
 * Performs effects by the ledger: claims, does the work, records its result. A store that is away is asked again until the
 * run's signal aborts, at its time limit at the latest.
 */
export const createRunEffects = (deps: Deps, run: EffectiveRun): RunEffects => {
  const names = new Set<string>()
  const inUse = new Set<string>()

  const perform = async <Result>(name: string, input: JsonText | undefined, work: EffectWork<Result>) => {
    const { taskId, run: number, claim: begunBy, attempt, signal } = run
    const held = { taskId, name, run: number, claim: begunBy }
    const claim = { ...held, mode: 'idempotent', attempt, input, unfinished: 'take-over' } as const
    const verdict = await askWhileRunning(deps, signal, () => deps.ledger.claim(claim))
    switch (verdict.kind) {
      case 'fenced':
        throw new AbortReason('fenced')
      case 'changed':
        throw new EffectChangedError(`effect ${name} was begun before with another input, or in another mode`)
      case 'in-doubt':
        throw new EffectInDoubtError(`nobody knows whether effect ${name} has happened`)
      case 'completed':
        return verdict.result
      case 'claimed': {
        // The claim may have taken seconds, and the run may have been aborted meanwhile.
        signal.throwIfAborted()
        const result = toResultText(name, await work({ key: verdict.key, signal }))
        const completion = { ...held, result }
        const outcome = await askWhileRunning(deps, signal, () => deps.ledger.complete(completion))
        if (outcome === 'fenced') throw new AbortReason('fenced')
        return result
      }
    }
  }

  return {
    perform: async (name, options, work) => {
      const input = parseUse(name, options)
      if (inUse.has(name)) throw new EffectInUseError(`effect ${name} is being performed by this run already`)
      run.signal.throwIfAborted()
      if (names.size >= effectsPerRunMax && !names.has(name)) {
        throw new PermanentError(`a run may have ${effectsPerRunMax} effects; name those that belong together as one`)
      }
      names.add(name)
      inUse.add(name)
      try {
        // Later attempts get the result as it was written: the first one gets the same value.
        return JSON.parse(await perform(name, input, work))
      } finally {
        inUse.delete(name)
      }
    },
  }
}

/** Handlers may be plain JavaScript, which no compiler checked. Throws a TypeError. */
const parseUse = (name: unknown, options: EffectOptions): JsonText | undefined => {
  if (typeof name !== 'string' || !effectNamePattern.test(name)) {
    throw new TypeError('an effect is named by 1 to 128 letters, digits or . _ : - and begins with a letter or a digit')
  }
  const mode: unknown = Reflect.get(Object(options), 'mode')
  if (mode !== 'idempotent') throw new TypeError(`effect ${name}: mode must be idempotent`)
  return options.input === undefined ? undefined : toFingerprintText(options.input)
}

/** The effect has happened, and would happen again with every attempt: a result that cannot be recorded ends the task. */
const toResultText = (name: string, value: unknown): JsonText => {
  const text = stringify(name, value)
  if (new TextEncoder().encode(text).byteLength > effectResultBytesMax) {
    throw new PermanentError(`the result of effect ${name} weighs more than ${effectResultBytesMax} bytes`)
  }
  return text
}

const stringify = (name: string, value: unknown): JsonText => {
  if (value === undefined) return 'null'
  try {
    const text: string | undefined = JSON.stringify(value)
    if (text !== undefined) return text
  } catch (error) {
    throw new PermanentError(`the result of effect ${name} is no JSON`, { cause: error })
  }
  throw new PermanentError(`the result of effect ${name} is no JSON: a ${typeof value}`)
}

/**
 * Asks until the store answers, or the run's signal has aborted: then once more, because the work of an effect may be done
 * already and only its record be missing.
 */
const askWhileRunning = <Answer>(
  { timers, random }: Deps,
  signal: AbortSignal,
  ask: () => Promise<Answer>,
): Promise<Answer> =>
  askUntilAnswered(ask, {
    isPassing: (error) => error instanceof StoreUnavailableError && !signal.aborted,
    sleep: (delayMs) => timers.sleep(delayMs, signal),
    random,
  })
