import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { sql } from 'slonik'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { createPostgresPool } from '#adapters/postgres/connection/pool.ts'
import { createPostgresWorkerRegistry } from '#adapters/postgres/workers/worker-registry.ts'
import { migrate } from '#adapters/postgres/migrate/migrate.ts'
import { systemClock } from '#adapters/system/clock.ts'
import { StoreUnavailableError } from '#application/ports/events/event-store.ts'
import type { Heartbeat, WorkerDescription, WorkerRegistry } from '#application/ports/workers/worker-registry.ts'
import { mintIncarnation } from '../../../support/ids.ts'
import { startPostgresServer } from '../../../support/postgres-server.ts'
import { silentLogger } from '../../../support/silent-logger.ts'
import { createFleet, type Fleet, type FleetProcess, waitUntil } from '../support/fleet.ts'
import { startFreezableProxy } from '../support/freezable-proxy.ts'
import { toAddress } from '../../../support/database-address.ts'

let fleet: Fleet
let here: FleetProcess
beforeAll(async () => {
  fleet = await createFleet()
  here = await fleet.startProcess()
})
afterAll(() => fleet.close())

const createRegistry = (url: string, pool = here.pool): WorkerRegistry =>
  createPostgresWorkerRegistry({ pool, address: toAddress(url), clock: systemClock, logger: silentLogger })

const makeWorker = (): WorkerDescription => ({
  incarnation: mintIncarnation(),
  host: 'here',
  pid: process.pid,
  queues: undefined,
  types: [],
  concurrency: 1,
  leaseMs: 1_500,
  beatMs: 50,
})

/** Waits until a beat was acknowledged that was sent after this moment. */
const waitForBeat = async (heartbeat: Heartbeat): Promise<void> => {
  const nowMs = systemClock.monotonicMs()
  await waitUntil(() => heartbeat.lastAcknowledgedSentAtMs() > nowMs)
}

const stateOf = async (registry: WorkerRegistry, incarnation: string) =>
  (await registry.readAll()).find((row) => row.incarnation === incarnation)?.state

describe('a heartbeat whose backend was terminated', () => {
  it('beats on by a new connection', async () => {
    const heartbeat = await createRegistry(fleet.url).register(makeWorker())
    await waitForBeat(heartbeat)
    const terminated = await here.pool.manyFirst(sql.type(z.object({ terminated: z.boolean() }))`
      select pg_terminate_backend(pid) as terminated
      from pg_stat_activity
      where application_name = 'taskfold heartbeat' and datname = current_database()`)
    expect(terminated).toContain(true)
    await waitForBeat(heartbeat)
    await heartbeat.stop()
  })
})

describe('a killed worker beside handlers that compute for seconds', () => {
  it('is seen silent all the same, because no handler holds up the thread that watches', async () => {
    const registry = createRegistry(fleet.url)
    const killed = { ...makeWorker(), beatMs: 3_600_000 }
    const killedHeart = await registry.register(killed)
    const heartbeat = await registry.register({ ...makeWorker(), leaseMs: 60_000 })
    await waitForBeat(heartbeat)
    // Readings here would lie 1.2 s apart, more than a third of the lease.
    for (let block = 0; block < 4; block += 1) {
      for (const endsAtMs = performance.now() + 1_200; performance.now() < endsAtMs;);
      await new Promise<void>((resolve) => {
        setImmediate(resolve)
      })
    }
    expect(registry.findSilent()).toEqual([{ incarnation: killed.incarnation, beat: 1 }])
    await heartbeat.stop()
    await killedHeart.stop()
  })
})

describe('a heartbeat whose connection froze', () => {
  it('beats on by another connection', async () => {
    const proxy = await startFreezableProxy(fleet.url)
    const heartbeat = await createRegistry(proxy.url).register(makeWorker())
    await waitForBeat(heartbeat)
    proxy.freeze()
    await waitForBeat(heartbeat)
    await heartbeat.stop()
    await proxy.close()
  })
})

describe('a heartbeat whose server crashed and came back', () => {
  it('beats on', async () => {
    const server = await startPostgresServer()
    await migrate({ address: toAddress(server.url), logger: silentLogger })
    const pool = await createPostgresPool(toAddress(server.url), { connectionsMax: 2, queryDeadlineMs: 5_000 })
    const registry = createRegistry(server.url, pool)
    const worker = makeWorker()
    const heartbeat = await registry.register(worker)
    await waitForBeat(heartbeat)
    await server.stop('immediate')
    await expect(registry.register(makeWorker())).rejects.toBeInstanceOf(StoreUnavailableError)
    await server.start()
    await waitForBeat(heartbeat)
    expect(await stateOf(registry, worker.incarnation)).toBe('live')
    await heartbeat.stop()
    expect(await stateOf(registry, worker.incarnation)).toBe('ended')
    await pool.end()
    await server.remove()
  })
})

describe('a heartbeat that stops while its server is away', () => {
  it('ends without an answer', async () => {
    const server = await startPostgresServer()
    await migrate({ address: toAddress(server.url), logger: silentLogger })
    const pool = await createPostgresPool(toAddress(server.url), { connectionsMax: 2, queryDeadlineMs: 5_000 })
    const heartbeat = await createRegistry(server.url, pool).register(makeWorker())
    await server.stop('immediate')
    await heartbeat.stop()
    await pool.end()
    await server.remove()
  })
})

describe('a process that hangs', () => {
  it('does not beat for longer than a third of its lease, and goes on when it answers again', async () => {
    const worker = makeWorker()
    const heartbeat = await createRegistry(fleet.url).register(worker)
    await waitForBeat(heartbeat)
    hangFor(2_500)
    const cameBackAtMs = systemClock.monotonicMs()
    // Nothing of this thread ran between; the thread that beats had two seconds more to beat wrongly.
    expect(heartbeat.lastAcknowledgedSentAtMs()).toBeLessThan(cameBackAtMs - 1_000)
    await waitUntil(() => heartbeat.lastAcknowledgedSentAtMs() > cameBackAtMs)
    await heartbeat.stop()
  })

  it('beats on through a short stop', async () => {
    const heartbeat = await createRegistry(fleet.url).register({ ...makeWorker(), leaseMs: 30_000 })
    await waitForBeat(heartbeat)
    const beganAtMs = systemClock.monotonicMs()
    hangFor(2_000)
    expect(heartbeat.lastAcknowledgedSentAtMs()).toBeGreaterThan(beganAtMs)
    await heartbeat.stop()
  })
})

/** Stops this thread and its event loop. */
const hangFor = (ms: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

describe('a process that has nothing else to do', () => {
  it.each(['stop', 'leave'] as const)('is not kept alive by a heartbeat: %s', async (ending) => {
    const script = fileURLToPath(new URL('support/beat-and-end.ts', import.meta.url))
    const child = spawn(process.execPath, [script, fleet.url, ending], { stdio: ['ignore', 'pipe', 'inherit'] })
    const said: string[] = []
    child.stdout.on('data', (chunk: Buffer) => said.push(chunk.toString()))
    const [code] = await once(child, 'close')
    expect(code).toBe(0)
    const state = await stateOf(createRegistry(fleet.url), said.join(''))
    expect(state).toBe(ending === 'stop' ? 'ended' : 'live')
  })
})

describe('an incarnation that was registered before', () => {
  it('is refused', async () => {
    const registry = createRegistry(fleet.url)
    const worker = makeWorker()
    const heartbeat = await registry.register(worker)
    await expect(registry.register(worker)).rejects.toThrow('registered before')
    await waitForBeat(heartbeat)
    await heartbeat.stop()
  })
})
