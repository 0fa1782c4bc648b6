import { createMemoryIdentities } from '#adapters/memory/surroundings/identities.ts'
import { createSeededRandom } from '#adapters/memory/surroundings/seeded-random.ts'
import { createMemoryExclusiveWork } from '#adapters/memory/workers/exclusive-work.ts'
import { createMemoryWorkerRegistry } from '#adapters/memory/workers/worker-registry.ts'
import { createReadyAnnouncer } from '#application/hints/announcer.ts'
import { createLanes } from '#application/hints/lanes.ts'
import { createQueueDepth } from '#application/hints/queue-depth.ts'
import { createRecentRead } from '#application/mechanisms/recent-read.ts'
import type { Timers } from '#application/ports/surroundings/clock.ts'
import type { Signal } from '#application/ports/queue/signals.ts'
import type { MemoryWorld } from './memory-world.ts'

export type ImaginedProcess = ReturnType<typeof createImaginedProcess>

/** How far ahead timers are set: twice the longest pause between two passes. */
const horizonMs = 8_000

/**
 * One process of a fleet that shares a memory world. It can be paused and resumed, and killed at any point: after that no
 * answer reaches it and none of its timers fires, although calls that it had made may still take effect.
 */
export const createImaginedProcess = (world: MemoryWorld, seed = Math.floor(world.random() * 2 ** 32)) => {
  const gate = createGate()
  const hearts = createGate()
  const timers = gateTimers(world.timers, gate)
  const random = createSeededRandom(seed)
  const identities = createMemoryIdentities(world.storeClock, random)
  const { clock, storeClock, count, logger } = world
  const registry = createMemoryWorkerRegistry({
    database: world.database,
    clock,
    timers: gateTimers(timers, hearts),
  })
  const queue = gateAll(gate, world.queue)
  const gatedRegistry = { ...gateAll(gate, registry), findSilent: () => registry.findSilent() }
  const workers = createRecentRead(clock, () => gatedRegistry.readAll())
  const lanes = createLanes({ readWorkers: (ageMsMax) => workers.recent(ageMsMax), clock })
  const heads = {
    index: gateAll(gate, world.index),
    runnable: gateAll(gate, world.runnable),
    runs: gateAll(gate, world.runs),
  }
  return {
    clock,
    storeClock,
    timers,
    random,
    identities,
    count,
    logger,
    runtime: { clock, timers, random, logger, count },
    store: gateAll(gate, world.store),
    heads,
    index: heads.index,
    runnable: heads.runnable,
    runs: heads.runs,
    feed: gateAll(gate, world.feed),
    ledger: gateAll(gate, world.ledger),
    progress: gateAll(gate, world.progress),
    routes: gateAll(gate, world.routes),
    exclusiveWork: gateAll(gate, createMemoryExclusiveWork({ database: world.database, clock })),
    registry: gatedRegistry,
    workers,
    lanes,
    queue,
    queueDepth: createQueueDepth(),
    signals: {
      announce: gate.call((signal: Signal) => world.signals.announce(signal)),
      subscribe: (listener: (signal: Signal) => void) =>
        world.signals.subscribe((signal) => gate.run(() => listener(signal))),
    },
    announcer: createReadyAnnouncer({ queue, lanes, storeClock, timers, count, horizonMs }),
    pause: gate.pause,
    resume: gate.resume,
    kill: gate.kill,
    /** From now on no beat is sent, while everything else goes on. */
    loseBeats: hearts.pause,
    findBeats: hearts.resume,
  }
}

type Gate = ReturnType<typeof createGate>

const createGate = () => {
  let state: 'open' | 'paused' | 'dead' = 'open'
  let held: (() => void)[] = []

  const run = (callback: () => void): void => {
    if (state === 'open') callback()
    if (state === 'paused') held.push(callback)
  }

  const pass = (): Promise<void> => (state === 'open' ? Promise.resolve() : new Promise((resolve) => run(resolve)))

  return {
    run,
    pass,
    call:
      <Parameters extends readonly unknown[], Result>(call: (...parameters: Parameters) => Promise<Result>) =>
      async (...parameters: Parameters): Promise<Result> => {
        await pass()
        try {
          return await call(...parameters)
        } finally {
          await pass()
        }
      },
    pause: (): void => {
      if (state === 'open') state = 'paused'
    },
    resume: (): void => {
      if (state !== 'paused') return
      state = 'open'
      const callbacks = held
      held = []
      for (const callback of callbacks) run(callback)
    },
    kill: (): void => {
      state = 'dead'
      held = []
    },
  }
}

/** The port with every answer let through the gate. */
const gateAll = <Port extends object>(gate: Gate, port: Port): Port =>
  new Proxy(port, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name)
      if (typeof member !== 'function') return member
      return gate.call(async (...parameters: readonly unknown[]): Promise<unknown> =>
        Reflect.apply(member, target, parameters),
      )
    },
  })

const gateTimers = (timers: Timers, gate: Gate): Timers => ({
  after: (delayMs, callback) => {
    let state: 'set' | 'cancelled' = 'set'
    const cancel = timers.after(delayMs, () =>
      gate.run(() => {
        if (state === 'set') callback()
      }),
    )
    return () => {
      state = 'cancelled'
      cancel()
    }
  },
  soon: (callback) => timers.soon(() => gate.run(callback)),
  sleep: async (delayMs, signal) => {
    await timers.sleep(delayMs, signal)
    await gate.pass()
  },
})
