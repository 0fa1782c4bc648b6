import { ConnectionError } from 'slonik'
import { assertStorable } from '#adapters/memory/events/storable.ts'
import { createEstimatedStoreClock } from '#adapters/postgres/events/store-clock.ts'
import type { BatchItem } from '#adapters/postgres/group-commit/append-queue.ts'
import { createGroupCommit, groupCommitLimits } from '#adapters/postgres/group-commit/group-commit.ts'
import {
  type Append,
  type AppendVerdict,
  type EventStore,
  type LoadedStreams,
  StoreUnavailableError,
  type StreamContent,
  UndecodableStreamError,
} from '#application/ports/events/event-store.ts'
import type { Clock, Timers } from '#application/ports/surroundings/clock.ts'
import type { TaskId } from '#domain/identifiers.ts'
import type { DatabaseServer } from '../server/database-server.ts'
import type { Host } from '../world/host.ts'
import type { Loss, Network } from '../world/network.ts'
import { stepOf } from '../world/step-of.ts'
import type { Step } from '../world/steps.ts'

interface Deps {
  readonly host: Host
  readonly network: Network
  readonly server: DatabaseServer
  readonly clock: Clock
  readonly timers: Timers
}

interface Item extends BatchItem {
  readonly append: Append
}

/** As `queryDeadlineMs` and `readDeadlineMs` in production. */
const queryDeadlineMs = 1_500
const readDeadlineMs = 1_800

/** The error of a read that got no answer. */
const toReadError = (loss: Loss): Error => new StoreUnavailableError(`the database: ${loss}`, 'not-stored')
export const toWriteError = (loss: Loss): Error =>
  new StoreUnavailableError(`the database: ${loss}`, loss === 'refused' ? 'not-stored' : 'unknown')

/** Of a batch: the group commit tells by it whether something may have been stored. */
const toFlushError = (loss: Loss): Error =>
  loss === 'refused' ? new ConnectionError('connection refused') : new Error('connection reset')

/** A question to the database, answered by the memory adapters. */
export type Ask = <Answer>(step: Step, serve: () => Promise<Answer>, toError?: (loss: Loss) => Error) => Promise<Answer>

export const createAsk =
  ({ host, network, server }: Pick<Deps, 'host' | 'network' | 'server'>): Ask =>
  (step, serve, toError = toReadError) =>
    network.call({ host, server, steps: [step], serve, deadlineMs: readDeadlineMs, toError })

/** The event store of one process: the group commit of production, over a connection to the simulated server. */
export const createNodeStore = (deps: Deps) => {
  const { host, network, server, clock, timers } = deps
  const monotonicMs = (): number => clock.monotonicMs()
  const storeClock = createEstimatedStoreClock(monotonicMs)
  const ask = createAsk(deps)

  const group = createGroupCommit<Item, AppendVerdict>(
    (work) =>
      work(async (items, locking) => {
        const batch = items.map(({ append }) => append)
        const sentAtMs = monotonicMs()
        const { recordedMs, verdicts } = await network.call({
          host,
          server,
          steps: batch.map(stepOf),
          serve: () => server.appendBatch(batch, locking),
          deadlineMs: queryDeadlineMs,
          toError: toFlushError,
        })
        storeClock.observe(recordedMs, sentAtMs, monotonicMs())
        return verdicts
      }),
    { clock, timers },
    groupCommitLimits,
  )

  const observed = async <Answer extends { readonly now: number }>(reading: Promise<Answer>): Promise<Answer> => {
    const sentAtMs = monotonicMs()
    const answer = await reading
    storeClock.observe(answer.now, sentAtMs, monotonicMs())
    return answer
  }

  /** The ports that one part of the process reads by; `step` is what its readings belong to. */
  const storeFor = (step: Step): EventStore => ({
    append: async (append) => {
      assertStorable(append)
      return group.append({ streamId: append.taskId, bytes: 1, append })
    },
    appendAll: (appends) => ask('submit', () => server.store.appendAll(appends), toWriteError),
    loadStream: async (taskId) => {
      const stream = await observed(ask(step, () => server.store.loadStream(taskId)))
      if (isUnreadable(host, stream.events)) throw toUndecodable(taskId)
      return stream
    },
    loadStreams: (taskIds) => observed(ask(step, async () => readAs(host, await server.store.loadStreams(taskIds)))),
    loadOutlines: (taskIds) => observed(ask(step, async () => readAs(host, await server.store.loadOutlines(taskIds)))),
  })

  return { storeClock, ask, storeFor }
}

const toUndecodable = (taskId: TaskId): UndecodableStreamError =>
  new UndecodableStreamError(taskId, `a later release has written to task ${taskId}`)

/** An old release cannot read what a new one has written to tasks that are new to it. */
const isUnreadable = ({ release }: Host, events: (StreamContent & { readonly kind: 'events' })['events']): boolean =>
  release === 'old' && events[0]?.type === 'Submitted' && events[0].data.type === 'novel'

const readAs = (host: Host, loaded: LoadedStreams): LoadedStreams => {
  if (host.release === 'new') return loaded
  const streams = new Map<TaskId, StreamContent>()
  for (const [taskId, content] of loaded.streams) {
    const isHidden = content.kind === 'events' && isUnreadable(host, content.events)
    streams.set(taskId, isHidden ? { kind: 'undecodable', error: toUndecodable(taskId) } : content)
  }
  return { now: loaded.now, streams, leftOut: loaded.leftOut }
}
