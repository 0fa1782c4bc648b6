import { createMemoryWorkerRegistry } from '#adapters/memory/workers/worker-registry.ts'
import { createLeaseWatch } from '#application/recovery/lease-watch.ts'
import type { Clock, Timers } from '#application/ports/surroundings/clock.ts'
import type {
  Heartbeat,
  SilentWorker,
  WorkerDescription,
  WorkerRegistry,
} from '#application/ports/workers/worker-registry.ts'
import type { Incarnation } from '#domain/identifiers.ts'
import type { DatabaseServer } from '../server/database-server.ts'
import type { Host } from '../world/host.ts'
import type { World } from '../world/world.ts'
import { type Ask, toWriteError } from './node-store.ts'

interface Deps {
  readonly world: World
  readonly host: Host
  readonly server: DatabaseServer
  readonly ask: Ask
  readonly clock: Clock
  /** The timers and the connection of the thread that beats. */
  readonly heart: { readonly timers: Timers; readonly ask: Ask }
  /** Told of each lease of this process. */
  readonly onLease: (lease: ObservedLease) => void
}

/** A lease as the judge sees it. */
export interface ObservedLease {
  readonly incarnation: Incarnation
  readonly leaseMs: number
  readonly acknowledgedSentAtMs: () => number
}

/** What a server answers to one beat. */
interface BeatAnswer {
  readonly isRefused: boolean
  readonly live: readonly (readonly [Incarnation, { readonly beat: number; readonly leaseMs: number }])[]
}

/** The rows of the memory adapter beat by themselves when time goes on for them, which it does not. */
const unusedTimers: Timers = { after: () => () => {}, soon: () => {}, sleep: () => new Promise(() => {}) }

/** The registry of one process, whose beats cross the network as every other call does. */
export const createNodeRegistry = (deps: Deps): WorkerRegistry => {
  const { server, ask, clock, onLease } = deps
  const rows = createMemoryWorkerRegistry({
    database: server.held.database,
    clock,
    timers: unusedTimers,
  })
  const silentBy = new Map<Incarnation, readonly SilentWorker[]>()

  return {
    findSilent: () => [...silentBy.values()].flat(),
    register: async (worker) => {
      const sentAtMs = clock.monotonicMs()
      await ask(
        'register',
        async () => {
          // The first try may have come through and its answer not.
          if (!server.held.database.workers.has(worker.incarnation)) await rows.register(worker)
        },
        toWriteError,
      )
      const heartbeat = startHeartbeat(deps, worker, sentAtMs, {
        onSilent: (silent) => void silentBy.set(worker.incarnation, silent),
        end: async (how) => {
          silentBy.delete(worker.incarnation)
          await ask('register', () => rows.end(worker.incarnation, how), toWriteError).catch(() => {})
        },
      })
      onLease({
        incarnation: worker.incarnation,
        leaseMs: worker.leaseMs,
        acknowledgedSentAtMs: () => heartbeat.lastAcknowledgedSentAtMs(),
      })
      return heartbeat
    },
    readAll: () => ask('sweep', () => rows.readAll()),
    end: (incarnation, how) => ask('recover', () => rows.end(incarnation, how), toWriteError),
    remove: (incarnations) => ask('sweep', () => rows.remove(incarnations), toWriteError),
  }
}

interface Beating {
  readonly onSilent: (silent: readonly SilentWorker[]) => void
  readonly end: (how: 'fenced' | undefined) => Promise<void>
}

const startHeartbeat = (
  { world, host, server, clock, heart }: Deps,
  worker: WorkerDescription,
  registeredAtMs: number,
  { onSilent, end }: Beating,
): Heartbeat => {
  const watch = createLeaseWatch()
  let acknowledgedSentAtMs = registeredAtMs
  let status: Parameters<Heartbeat['report']>[0] = { running: 0, state: 'live' }
  let state: 'beating' | 'stopped' = 'beating'

  const beat = async (): Promise<void> => {
    const sentAtMs = clock.monotonicMs()
    const { running, state: mode } = status
    // As heartbeat-thread.ts: it beats for the main thread, not for itself.
    if (host.state === 'paused' && sentAtMs - host.stoppedAtMs > worker.leaseMs / 3) return
    if (host.beats === 'lost') {
      world.met('beats-lost')
      throw toWriteError('unanswered')
    }
    const answer = await heart.ask(
      'beat',
      async () => takeBeat(server, worker.incarnation, { running, state: mode }),
      toWriteError,
    )
    if (state === 'stopped') return
    if (answer.isRefused) {
      state = 'stopped'
      acknowledgedSentAtMs = Number.NEGATIVE_INFINITY
      return
    }
    acknowledgedSentAtMs = sentAtMs
    const watched = new Map(answer.live)
    onSilent(
      watch
        .observe({ askedAtMs: sentAtMs, answeredAtMs: clock.monotonicMs(), watched })
        .map((incarnation) => ({ incarnation, beat: watched.get(incarnation)?.beat ?? 0 })),
    )
  }

  const goOn = (): void => {
    if (state === 'stopped') return
    void beat().catch(() => {})
    heart.timers.after(worker.beatMs, goOn)
  }
  heart.timers.after(worker.beatMs, goOn)

  return {
    lastAcknowledgedSentAtMs: () => acknowledgedSentAtMs,
    report: ({ running, state: mode }) => {
      status = { running, state: mode }
    },
    stop: async (how) => {
      state = 'stopped'
      await end(how)
    },
  }
}

const takeBeat = (
  { held: { database } }: DatabaseServer,
  incarnation: Incarnation,
  { running, state }: Parameters<Heartbeat['report']>[0],
): BeatAnswer => {
  const row = database.workers.get(incarnation)
  if (row === undefined || row.state === 'ended') return { isRefused: true, live: [] }
  database.workers.set(incarnation, { ...row, running, state, beat: row.beat + 1, lastBeatAt: database.now() })
  const live: [Incarnation, { readonly beat: number; readonly leaseMs: number }][] = []
  for (const [other, { beat, leaseMs, state: mode }] of database.workers) {
    if (mode !== 'ended') live.push([other, { beat, leaseMs }])
  }
  return { isRefused: false, live }
}
