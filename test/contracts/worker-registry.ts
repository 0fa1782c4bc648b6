import { describe, expect, it } from 'vitest'
import type { Clock } from '#application/ports/surroundings/clock.ts'
import type {
  Heartbeat,
  WorkerDescription,
  WorkerRegistry,
  WorkerRow,
} from '#application/ports/workers/worker-registry.ts'
import type { Incarnation } from '#domain/identifiers.ts'
import { type ContractWorld, type Setup, useWorld, waitFor, waitUntil } from '../support/contract-world.ts'
import { mintIncarnation } from '../support/ids.ts'
import { makeName } from '../support/task-builders.ts'

export interface WorkerRegistryWorld extends ContractWorld {
  readonly registry: WorkerRegistry
  /** The monotonic clock that heartbeats go by. */
  readonly clock: Clock
}

const makeWorker = (differences: Partial<WorkerDescription> = {}): WorkerDescription => ({
  incarnation: mintIncarnation(),
  host: `host-${makeName()}`,
  pid: 4_711,
  queues: ['default', 'slow'],
  types: ['demo.echo', 'demo.sleep'],
  concurrency: 50,
  leaseMs: 1_500,
  beatMs: 50,
  ...differences,
})

/** The contract of every WorkerRegistry. */
export const describeWorkerRegistry = (name: string, setup: Setup<WorkerRegistryWorld>): void => {
  describe(`the worker registry (${name})`, () => {
    const world = useWorld(setup)
    describeBeating(world)
    describeEnding(world)
  })
}

const findRow = async (world: WorkerRegistryWorld, incarnation: Incarnation): Promise<WorkerRow | undefined> =>
  (await world.registry.readAll()).find((row) => row.incarnation === incarnation)

const waitForBeat = (world: WorkerRegistryWorld, incarnation: Incarnation, above: number): Promise<WorkerRow> =>
  waitFor(world, async () => {
    const row = await findRow(world, incarnation)
    return row !== undefined && row.beat > above ? row : undefined
  })

const describeBeating = (world: () => WorkerRegistryWorld): void => {
  describe('a worker that registers', () => {
    it('is listed by the time it may begin, as it described itself', async () => {
      const { beatMs, ...description } = makeWorker()
      const sentAfterMs = world().clock.monotonicMs()
      const heartbeat = await world().registry.register({ ...description, beatMs })
      const row = await findRow(world(), description.incarnation)
      expect(row).toMatchObject({ ...description, running: 0, state: 'live' })
      expect(row).not.toHaveProperty('beatMs')
      expect(row?.beat).toBeGreaterThan(0)
      expect(row?.startedAt).toBeLessThanOrEqual(row?.lastBeatAt ?? 0)
      expect(heartbeat.lastAcknowledgedSentAtMs()).toBeGreaterThanOrEqual(sentAfterMs)
      expect(heartbeat.lastAcknowledgedSentAtMs()).toBeLessThanOrEqual(world().clock.monotonicMs())
      await heartbeat.stop()
    })

    it('is listed as one that serves every queue when it names none', async () => {
      const worker = makeWorker({ queues: undefined, types: [] })
      const heartbeat = await world().registry.register(worker)
      const row = await findRow(world(), worker.incarnation)
      expect(row).toMatchObject({ types: [] })
      expect(row?.queues).toBeUndefined()
      await heartbeat.stop()
    })

    it('goes on to beat, and tells when its last acknowledged beat was sent', async () => {
      const worker = makeWorker()
      const heartbeat = await world().registry.register(worker)
      const first = await waitForBeat(world(), worker.incarnation, 0)
      const sentAtMs = heartbeat.lastAcknowledgedSentAtMs()
      const later = await waitForBeat(world(), worker.incarnation, first.beat + 2)
      await waitUntil(world(), () => heartbeat.lastAcknowledgedSentAtMs() > sentAtMs)
      expect(heartbeat.lastAcknowledgedSentAtMs()).toBeLessThanOrEqual(world().clock.monotonicMs())
      expect(later.lastBeatAt).toBeGreaterThan(first.lastBeatAt)
      expect(later.startedAt).toBe(first.startedAt)
      await heartbeat.stop()
    })

    it('reports its state and its running handlers with its beats', async () => {
      const worker = makeWorker()
      const heartbeat = await world().registry.register(worker)
      heartbeat.report({ running: 17, state: 'draining' })
      await waitUntil(world(), async () => (await findRow(world(), worker.incarnation))?.state === 'draining')
      expect(await findRow(world(), worker.incarnation)).toMatchObject({ running: 17 })
      heartbeat.report({ running: 0, state: 'live' })
      await waitUntil(world(), async () => (await findRow(world(), worker.incarnation))?.running === 0)
      await heartbeat.stop()
    })

    it('does not disturb another', async () => {
      const [one, other] = [makeWorker(), makeWorker()]
      const [first, second] = [await world().registry.register(one), await world().registry.register(other)]
      await first.stop()
      const { beat } = await waitForBeat(world(), other.incarnation, 0)
      expect((await waitForBeat(world(), other.incarnation, beat + 1)).state).toBe('live')
      await second.stop()
    })
  })

  describe('the list of workers', () => {
    it('is in the order of incarnations', async () => {
      const workers = [makeWorker(), makeWorker(), makeWorker()]
      const heartbeats: Heartbeat[] = []
      for (const worker of workers) heartbeats.push(await world().registry.register(worker))
      const incarnations = (await world().registry.readAll()).map((row) => row.incarnation)
      expect(incarnations).toEqual(expect.arrayContaining(workers.map((worker) => worker.incarnation)))
      expect(incarnations).toEqual(incarnations.toSorted())
      for (const heartbeat of heartbeats) await heartbeat.stop()
    })
  })
}

const describeEnding = (world: () => WorkerRegistryWorld): void => {
  /** Long enough for several beats of a worker that still beats. */
  const waitForSeveralBeats = (): Promise<void> => world().advance(250)

  const waitUntilFenced = (heartbeat: Heartbeat): Promise<void> =>
    waitUntil(world(), () => heartbeat.lastAcknowledgedSentAtMs() === Number.NEGATIVE_INFINITY)

  describe('a worker that stops', () => {
    it('is listed as ended and falls silent', async () => {
      const worker = makeWorker()
      const heartbeat = await world().registry.register(worker)
      await heartbeat.stop()
      const ended = await findRow(world(), worker.incarnation)
      await waitForSeveralBeats()
      const later = await findRow(world(), worker.incarnation)
      expect([ended?.state, later?.state]).toEqual(['ended', 'ended'])
      expect(later?.beat).toBe(ended?.beat)
      expect(later?.silentForMs).toBeGreaterThan(ended?.silentForMs ?? 0)
    })

    it('may stop twice', async () => {
      const worker = makeWorker()
      const heartbeat = await world().registry.register(worker)
      await heartbeat.stop()
      await heartbeat.stop()
      expect((await findRow(world(), worker.incarnation))?.state).toBe('ended')
    })
  })

  describe('a worker that does not beat', () => {
    it('is seen silent after its lease by the heartbeats of others, with its last beat, until it is marked', async () => {
      const { registry } = world()
      const mute = makeWorker({ leaseMs: 500, beatMs: 3_600_000 })
      const [muteHeart, heart] = [await registry.register(mute), await registry.register(makeWorker())]
      const isSeen = (): boolean => registry.findSilent().some(({ incarnation }) => incarnation === mute.incarnation)
      expect(isSeen()).toBe(false)
      await waitUntil(world(), isSeen)
      expect(registry.findSilent()).toContainEqual({ incarnation: mute.incarnation, beat: 1 })
      await registry.end(mute.incarnation)
      await waitUntil(world(), () => !isSeen())
      await heart.stop()
      await muteHeart.stop()
    })
  })

  describe('a worker that was marked as ended', () => {
    it('stays ended, whatever it reports, and is fenced', async () => {
      const worker = makeWorker()
      const heartbeat = await world().registry.register(worker)
      await world().registry.end(worker.incarnation)
      expect((await findRow(world(), worker.incarnation))?.state).toBe('ended')
      heartbeat.report({ running: 3, state: 'live' })
      await waitUntilFenced(heartbeat)
      await waitForSeveralBeats()
      expect((await findRow(world(), worker.incarnation))?.state).toBe('ended')
      expect(heartbeat.lastAcknowledgedSentAtMs()).toBe(Number.NEGATIVE_INFINITY)
      await heartbeat.stop()
    })

    it('is told apart when it fenced itself, also when others had marked it before', async () => {
      const [fenced, silent, both] = [makeWorker(), makeWorker(), makeWorker()]
      const hearts = []
      for (const worker of [fenced, silent, both]) hearts.push(await world().registry.register(worker))
      await hearts[0]?.stop('fenced')
      await world().registry.end(silent.incarnation)
      await world().registry.end(both.incarnation)
      await world().registry.end(both.incarnation, 'fenced')
      await world().registry.end(both.incarnation)
      const found = await Promise.all([fenced, silent, both].map(({ incarnation }) => findRow(world(), incarnation)))
      expect(found.map((row) => [row?.state, row?.ended])).toEqual([
        ['ended', 'fenced'],
        ['ended', undefined],
        ['ended', 'fenced'],
      ])
      for (const heart of hearts) await heart.stop()
    })

    it('may be marked again, and so may one that never registered', async () => {
      const worker = makeWorker()
      const heartbeat = await world().registry.register(worker)
      await world().registry.end(worker.incarnation)
      await world().registry.end(worker.incarnation)
      const unknown = mintIncarnation()
      await world().registry.end(unknown)
      expect((await findRow(world(), worker.incarnation))?.state).toBe('ended')
      expect(await findRow(world(), unknown)).toBeUndefined()
      await heartbeat.stop()
    })
  })

  describe('a worker whose row was removed', () => {
    it('does not come back, and is fenced', async () => {
      const worker = makeWorker()
      const heartbeat = await world().registry.register(worker)
      await world().registry.remove([worker.incarnation])
      expect(await findRow(world(), worker.incarnation)).toBeUndefined()
      await waitUntilFenced(heartbeat)
      await waitForSeveralBeats()
      expect(heartbeat.lastAcknowledgedSentAtMs()).toBe(Number.NEGATIVE_INFINITY)
      await heartbeat.stop()
      expect(await findRow(world(), worker.incarnation)).toBeUndefined()
    })

    it('leaves the rows of others', async () => {
      const [gone, left] = [makeWorker(), makeWorker()]
      const heartbeats = [await world().registry.register(gone), await world().registry.register(left)]
      await world().registry.remove([gone.incarnation, mintIncarnation()])
      await world().registry.remove([gone.incarnation])
      await world().registry.remove([])
      expect(await findRow(world(), gone.incarnation)).toBeUndefined()
      expect(await findRow(world(), left.incarnation)).toMatchObject({ state: 'live' })
      for (const heartbeat of heartbeats) await heartbeat.stop()
    })
  })
}
