import { ConnectionError } from 'slonik'
import type { BatchItem } from '#adapters/postgres/group-commit/append-queue.ts'
import type { Busy, Connect, SendBatch } from '#adapters/postgres/group-commit/group-commit.ts'
import type { Locking } from '#adapters/postgres/group-commit/locking.ts'

export interface Verdict {
  readonly kind: 'appended'
  readonly streamId: string
}

/** One batch that was sent, which the test answers. */
export interface SentBatch {
  readonly items: readonly BatchItem[]
  readonly locking: Locking
  /** Answers that everything was stored, or what `verdictOf` says. */
  answer(verdictOf?: (item: BatchItem) => Verdict | Busy): void
  fail(error: Error): void
}

/** A server in the hands of the test: `next` resolves with each batch that it is sent, in turn. */
export const createScriptedConnection = () => {
  const sent: SentBatch[] = []
  const takers: ((batch: SentBatch) => void)[] = []
  let connected: (() => Promise<void>) | undefined

  const send: SendBatch<BatchItem, Verdict> = (items, locking) => {
    const outcome = Promise.withResolvers<readonly (Verdict | Busy)[]>()
    const batch: SentBatch = {
      items,
      locking,
      answer: (verdictOf = appended) => outcome.resolve(items.map(verdictOf)),
      fail: outcome.reject,
    }
    const taker = takers.shift()
    if (taker === undefined) sent.push(batch)
    else taker(batch)
    return outcome.promise
  }
  const connect: Connect<BatchItem, Verdict> = (work) =>
    connected === undefined ? work(send) : connected().then(() => work(send))
  const next = (): Promise<SentBatch> => {
    const batch = sent.shift()
    return batch === undefined ? new Promise((resolve) => takers.push(resolve)) : Promise.resolve(batch)
  }
  /** Answers every batch from now on as `react` does. */
  const answerAll = (react: (batch: SentBatch) => void): void => {
    void (async () => {
      for (;;) react(await next())
    })()
  }
  /** Lets every flush from now on wait until there is a connection, or fail with what there is instead. */
  const connectWhen = (settle: () => Promise<void>): void => {
    connected = settle
  }
  return { connect, next, answerAll, connectWhen, inHand: () => sent.length }
}

export const streamsOf = (batch: SentBatch): readonly string[] => batch.items.map((item) => item.streamId)

export const appended = (item: BatchItem): Verdict => ({ kind: 'appended', streamId: item.streamId })

/** As the server sends it. */
export const serverError = (state: string): Error =>
  Object.assign(new Error(`scripted failure ${state}`), { code: state, severity: 'ERROR' })

export const contentError = (): Error => serverError('22P02')
export const lostConnection = (): Error => Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })
export const noConnection = (): Error => new ConnectionError('connect ECONNREFUSED 127.0.0.1:5432')
