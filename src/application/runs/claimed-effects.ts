import type { JsonText } from '#domain/task/events.ts'
import {
  EffectChangedError,
  type EffectContext,
  type EffectFinding,
  EffectInDoubtError,
  type EffectInquiry,
  EffectNotDone,
  type EffectWork,
} from '../ports/ledger/handler-effects.ts'
import type { ClaimVerdict, EffectClaim, HeldEffect, RunLedger } from '../ports/ledger/idempotency-ledger.ts'
import { AbortReason } from '../ports/task-handler.ts'
import { toResultText } from './effect-result.ts'
import { askWhileRunning, type EffectiveRun, type RunEffectsDeps } from './effective-run.ts'

/** One use of an effect by a handler, parsed. */
export interface EffectUse {
  readonly name: string
  readonly mode: EffectClaim['mode']
  readonly input: JsonText | undefined
  /** Asks the receiver; undefined when nobody can be asked. */
  readonly inquiry: EffectInquiry<unknown> | undefined
}

/** Effects that are claimed before they happen and completed afterwards. */
export interface ClaimedEffects {
  /** Performs an effect, unless it has happened; answers its result. Uses of one name come one after another. */
  perform(use: EffectUse, work: EffectWork<unknown>): Promise<JsonText>
}

/**
 * ```
 *   claim ─┬─▶ completed ────────────────────────────────────────────▶ its result
 *          ├─▶ taken over, or begun before by this run ── inquiry ─┬─▶ done ──────▶ complete
 *          │                                                       ├─▶ not-done ──▶ work
 *          │                                                       └─▶ unknown ───▶ doubt
 *          ├─▶ new ── work ─┬─▶ complete
 *          │                ├─▶ EffectNotDone ──▶ giveBack
 *          │                └─▶ threw: in mode once ──▶ doubt
 *          └─▶ in-doubt
 * ```
 */
export const createClaimedEffects = (deps: RunEffectsDeps, run: EffectiveRun): ClaimedEffects =>
  new EffectsOfRun(deps, run)

class EffectsOfRun implements ClaimedEffects {
  readonly #deps: RunEffectsDeps
  readonly #run: EffectiveRun
  /** Effects that this run has begun, and that may have happened without a record. */
  readonly #begun = new Set<string>()
  /** The run remembers what it was in doubt of: the ledger grants a run its own claim again. */
  readonly #doubts = new Map<string, EffectInDoubtError>()

  constructor(deps: RunEffectsDeps, run: EffectiveRun) {
    this.#deps = deps
    this.#run = run
  }

  async perform(use: EffectUse, work: EffectWork<unknown>): Promise<JsonText> {
    const { name } = use
    const known = this.#doubts.get(name)
    if (known !== undefined) throw known
    const { taskId, run, claim } = this.#run
    const held: HeldEffect = { taskId, name, run, claim }
    const verdict = await this.#claim(use, held)
    switch (verdict.kind) {
      case 'fenced':
        throw new AbortReason('fenced')
      case 'changed':
        throw new EffectChangedError(`effect ${name} was begun before with another input or in another mode`)
      case 'in-doubt':
        throw this.#noteDoubt(name, undefined)
      case 'completed':
        return verdict.result
      case 'claimed':
        return this.#performClaimed(use, held, verdict, work)
    }
  }

  async #claim({ mode, input, inquiry }: EffectUse, held: HeldEffect): Promise<ClaimVerdict> {
    const unfinished = mode === 'once' && inquiry === undefined ? 'doubt' : 'take-over'
    const claim: EffectClaim = { ...held, mode, attempt: this.#run.attempt, input, unfinished }
    try {
      return await this.#ask((ledger) => ledger.claim(claim))
    } catch (error) {
      // It may have been stored, although nothing was begun.
      if (unfinished === 'doubt') await this.#recordNotDone(held)
      throw error
    }
  }

  async #performClaimed(
    use: EffectUse,
    held: HeldEffect,
    { key, since }: ClaimVerdict & { readonly kind: 'claimed' },
    work: EffectWork<unknown>,
  ): Promise<JsonText> {
    const { name, mode, inquiry } = use
    const { signal } = this.#run
    const context: EffectContext = { key, signal }
    if (mode !== 'idempotent' && (since === 'taken-over' || this.#begun.has(name))) {
      signal.throwIfAborted()
      const finding = await inquire(name, inquiry, context)
      if (finding.outcome === 'done') return this.#complete(use, held, finding.result)
      if (finding.outcome === 'unknown') throw await this.#leaveInDoubt(held, undefined)
      this.#begun.delete(name)
    }
    // Claim and inquiry may have taken seconds, and the run may have been aborted meanwhile.
    if (signal.aborted && mode !== 'idempotent') await this.#recordNotDone(held)
    signal.throwIfAborted()
    this.#begun.add(name)
    let value: unknown
    try {
      value = await work(context)
    } catch (error) {
      throw await this.#toFailure(use, held, error)
    }
    return this.#complete(use, held, value)
  }

  async #complete({ name, mode }: EffectUse, held: HeldEffect, value: unknown): Promise<JsonText> {
    try {
      const result = toResultText(name, value)
      const outcome = await this.#ask((ledger) => ledger.complete({ ...held, result }))
      if (outcome === 'fenced') throw new AbortReason('fenced')
      this.#begun.delete(name)
      return result
    } catch (error) {
      if (mode !== 'once' || error instanceof AbortReason) throw error
      if ((await this.#recordDoubt(held)) !== 'completed') throw this.#noteDoubt(name, error)
      return toResultText(name, value)
    }
  }

  /** What the handler is told of what its work threw. */
  async #toFailure({ name, mode }: EffectUse, held: HeldEffect, thrown: unknown): Promise<unknown> {
    if (mode !== 'idempotent' && isNotDone(thrown)) {
      this.#begun.delete(name)
      await this.#recordNotDone(held)
      return thrown
    }
    return mode === 'once' ? this.#leaveInDoubt(held, thrown) : thrown
  }

  async #leaveInDoubt(held: HeldEffect, cause: unknown): Promise<EffectInDoubtError> {
    // First: the run may be given up on while the store is away.
    const error = this.#noteDoubt(held.name, cause)
    await this.#recordDoubt(held)
    return error
  }

  #noteDoubt(name: string, cause: unknown): EffectInDoubtError {
    const error = new EffectInDoubtError(`nobody knows whether effect ${name} has happened`, { cause })
    this.#doubts.set(name, error)
    this.#run.onDoubt(error)
    return error
  }

  /** Without a record the effect stays claimed: the next run finds it in doubt, or asks. */
  #recordDoubt(held: HeldEffect): Promise<'in-doubt' | 'completed' | 'fenced' | 'unrecorded'> {
    return this.#ask((ledger) => ledger.doubt(held)).catch(() => 'unrecorded')
  }

  #recordNotDone(held: HeldEffect): Promise<'given-back' | 'fenced' | 'unrecorded'> {
    return this.#ask((ledger) => ledger.giveBack(held)).catch(() => 'unrecorded')
  }

  #ask<Answer>(question: (ledger: RunLedger) => Promise<Answer>): Promise<Answer> {
    return askWhileRunning(this.#deps, this.#run.signal, () => question(this.#deps.ledger))
  }
}

const inquire = async (
  name: string,
  inquiry: EffectInquiry<unknown> | undefined,
  context: EffectContext,
): Promise<EffectFinding<unknown>> => {
  if (inquiry === undefined) return { outcome: 'unknown' }
  const finding: unknown = await inquiry(context)
  const outcome: unknown = Reflect.get(Object(finding), 'outcome')
  if (outcome === 'done') return { outcome, result: Reflect.get(Object(finding), 'result') }
  if (outcome === 'not-done' || outcome === 'unknown') return { outcome }
  throw new TypeError(`effect ${name}: who is asked must answer an outcome that is done, not-done or unknown`)
}

/** `instanceof` throws for some proxies. */
const isNotDone = (thrown: unknown): boolean => {
  try {
    return thrown instanceof EffectNotDone
  } catch {
    return false
  }
}
