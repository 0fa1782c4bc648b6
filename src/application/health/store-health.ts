import { parseTaskId } from '#domain/identifiers.ts'
import type { Clock, Timers } from '../ports/surroundings/clock.ts'
import type { EventStore } from '../ports/events/event-store.ts'
import type { HealthCheck } from './health.ts'

export interface StoreHealth {
  /** The store, with its answers noticed. */
  readonly store: EventStore
  /** The latest finding. Asks nothing: it answers at once even while the store hangs. */
  read(): HealthCheck
  close(): void
}

interface Deps {
  readonly store: EventStore
  readonly clock: Clock
  readonly timers: Timers
}

/** How often an idle store is asked. That it was lost or came back shows within this and a read's deadline of two seconds. */
const probeEveryMs = 3_000
/** At most so often is the answer to an append noticed. */
const noticeEveryMs = 50
/** An answer older than this proves nothing. */
const answerAgeMaxMs = 8_000

/** The id of no task: the probe finds nothing, but goes to the database and back. */
const probedTaskId = parseTaskId('00000000-0000-7000-8000-000000000000')

/**
 * Watches a store by its answers to the application, and by a cheap read of its own while the application asks nothing:
 * through the same connections, because a second pool would be healthy while the first one hangs.
 */
export const watchStore = ({ store, clock, timers }: Deps): StoreHealth => {
  let answeredAtMs: number | undefined
  let failure: string | undefined
  let noticedAtMs = Number.NEGATIVE_INFINITY
  let cancel = (): void => {}
  let state: 'watching' | 'closed' = 'watching'

  const onAnswer = <Answer>(answer: Answer): Answer => {
    answeredAtMs = clock.monotonicMs()
    failure = undefined
    return answer
  }
  const onError = (error: unknown): never => {
    if (isUnavailable(error)) failure = error.message
    throw error
  }
  const noticed = <Answer>(answer: Promise<Answer>): Promise<Answer> => answer.then(onAnswer<Answer>, onError)

  /** Every append passes here: while answers come, one in 50 ms tells as much as all, and saves each of them a promise. */
  const noticedAtTimes = <Answer>(answer: Promise<Answer>): Promise<Answer> => {
    const nowMs = clock.monotonicMs()
    if (failure === undefined && nowMs - noticedAtMs < noticeEveryMs) return answer
    noticedAtMs = nowMs
    return noticed(answer)
  }

  const isAnswerRecent = (): boolean =>
    failure === undefined && answeredAtMs !== undefined && clock.monotonicMs() - answeredAtMs < probeEveryMs

  const watched: EventStore = {
    append: (append) => noticedAtTimes(store.append(append)),
    appendAll: (appends) => noticed(store.appendAll(appends)),
    loadStream: (taskId) => noticed(store.loadStream(taskId)),
    loadStreams: (taskIds) => noticed(store.loadStreams(taskIds)),
    loadOutlines: (taskIds) => noticed(store.loadOutlines(taskIds)),
  }

  const probe = async (): Promise<void> => {
    if (!isAnswerRecent()) await watched.loadStream(probedTaskId).catch(() => {})
    if (state === 'watching') cancel = timers.after(probeEveryMs, () => void probe())
  }
  void probe()

  return {
    store: watched,
    read: () => {
      if (failure !== undefined) return { name: 'postgres', ok: false, message: failure }
      if (answeredAtMs === undefined) return { name: 'postgres', ok: false, message: 'has not answered yet' }
      const ageMs = Math.round(clock.monotonicMs() - answeredAtMs)
      const ok = ageMs <= answerAgeMaxMs
      return { name: 'postgres', ok, message: `answered ${ageMs} ms ago` }
    },
    close: () => {
      state = 'closed'
      cancel()
    },
  }
}

const isUnavailable = (error: unknown): error is Error =>
  error instanceof Error && 'code' in error && error.code === 'store-unavailable'
