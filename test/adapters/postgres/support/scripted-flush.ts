import { ConnectionError } from 'slonik'
import type { Busy, Flush, Locking } from '#adapters/postgres/group-commit/batch-sender.ts'
import type { Parcel } from '#adapters/postgres/group-commit/waiting-line.ts'

export interface Verdict {
  readonly kind: 'appended'
  readonly streamId: string
}

/** One flush that the store has begun, which the test carries on. */
export interface PendingFlush {
  readonly locking: Locking
  /** Lets it have its connection, and tells what travels. */
  depart(): readonly Parcel[]
  /** Answers that everything was stored, or what `verdictOf` says. Departs first if that has not happened. */
  answer(verdictOf?: (parcel: Parcel) => Verdict | Busy): void
  fail(error: Error): void
}

/** A flush in the hands of the test: `next` resolves with each one in turn. */
export const createScriptedFlush = () => {
  const waiting: PendingFlush[] = []
  const takers: ((flush: PendingFlush) => void)[] = []
  const flush: Flush<Parcel, Verdict> = (board, locking) => {
    const outcome = Promise.withResolvers<readonly (Verdict | Busy)[]>()
    let parcels: readonly Parcel[] | undefined
    const depart = (): readonly Parcel[] => (parcels ??= board())
    const pending: PendingFlush = {
      locking,
      depart,
      answer: (verdictOf = appended) => {
        outcome.resolve(depart().map(verdictOf))
      },
      fail: outcome.reject,
    }
    const taker = takers.shift()
    if (taker === undefined) waiting.push(pending)
    else taker(pending)
    return outcome.promise
  }
  const next = (): Promise<PendingFlush> => {
    const pending = waiting.shift()
    return pending === undefined ? new Promise((resolve) => takers.push(resolve)) : Promise.resolve(pending)
  }
  /** Answers every flush from now on as `react` does. */
  const answerAll = (react: (flush: PendingFlush) => void): void => {
    void (async () => {
      for (;;) react(await next())
    })()
  }
  return { flush, next, answerAll, inHand: () => waiting.length }
}

export const streamsOf = (flush: PendingFlush): readonly string[] => flush.depart().map((parcel) => parcel.streamId)

export const appended = (parcel: Parcel): Verdict => ({ kind: 'appended', streamId: parcel.streamId })

/** As the server sends it. */
export const serverError = (state: string): Error =>
  Object.assign(new Error(`scripted failure ${state}`), { code: state, severity: 'ERROR' })

export const contentError = (): Error => serverError('22P02')
export const lostConnection = (): Error => Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })
export const noConnection = (): Error => new ConnectionError('connect ECONNREFUSED 127.0.0.1:5432')
