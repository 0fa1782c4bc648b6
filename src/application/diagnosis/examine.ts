import type { Instant } from '#domain/time.ts'
import type { DatabaseProbe, QueueServerProbe, StoreProbe, TaskProbe } from '../ports/diagnostics.ts'
import type { EventFeed } from '../ports/events/event-feed.ts'
import type { EventStore } from '../ports/events/event-store.ts'
import type { EffectRecords } from '../ports/ledger/idempotency-ledger.ts'
import type { Heads } from '../ports/heads/heads.ts'
import type { Clock, Timers } from '../ports/surroundings/clock.ts'
import type { Random } from '../ports/surroundings/identities.ts'
import type { WorkerRegistry } from '../ports/workers/worker-registry.ts'
import { checkHeads } from './check-heads.ts'
import { checkDatabase, checkMigrations, checkNotifications, checkQueueServer } from './check-servers.ts'
import { checkClocks, checkFeed, checkPlaces, checkSpace } from './check-store.ts'
import { checkEffects, checkRecovery, checkRoutes, checkRuns, checkWorkers } from './check-work.ts'
import { type Finding, warning } from './finding.ts'

export interface ExaminationDeps {
  readonly database: DatabaseProbe
  /** Undefined where the queue is in the database. */
  readonly queueServer: QueueServerProbe | undefined
  /** Called once the database is known to answer and to be of this release. */
  readonly openStore: () => Promise<OpenedForExamination>
  readonly clock: Clock
  readonly timers: Timers
}

export interface OpenedForExamination {
  readonly storeProbe: StoreProbe
  readonly taskProbe: TaskProbe
  readonly history: { readonly store: EventStore; readonly feed: EventFeed }
  readonly heads: Pick<Heads, 'index' | 'runs'>
  readonly ledger: Pick<EffectRecords, 'countInDoubt'>
  readonly registry: WorkerRegistry
  /** What the clock of this host shows, in milliseconds since 1970. */
  readonly hostNow: () => Instant
  readonly random: Random
}

interface Check {
  readonly name: string
  readonly run: () => Promise<readonly Finding[]>
}

/** Of each check. The longest, of the feed, takes five seconds. */
const checkDeadlineMs = 15_000

/**
 * Checks the servers of an installation, then what they hold if this release can read it. All checks of a stage run at once,
 * each within its own deadline. A check that cannot be made is a finding. Changes nothing.
 */
export const examine = async (deps: ExaminationDeps): Promise<readonly Finding[]> => {
  const { database, queueServer } = deps
  const servers = await runAll(deps.timers, [
    { name: 'database', run: () => checkDatabase(database) },
    { name: 'migrations', run: () => checkMigrations(database) },
    { name: 'notifications', run: () => checkNotifications(database) },
    { name: 'redis', run: () => checkQueueServer(queueServer) },
  ])
  if (!servers.some(({ code, severity }) => code === 'migrations' && severity === 'ok')) return servers
  return [...servers, ...(await examineStore(deps))]
}

const examineStore = async ({ openStore, clock, timers }: ExaminationDeps): Promise<readonly Finding[]> => {
  let opened: OpenedForExamination
  try {
    opened = await openStore()
  } catch (error) {
    return [toUnmade('store', error)]
  }
  const { storeProbe, taskProbe, history, heads, ledger, registry, hostNow, random } = opened
  const { store, feed } = history
  const { index, runs } = heads
  return runAll(timers, [
    { name: 'clocks', run: () => checkClocks({ storeProbe, registry, hostNow, clock }) },
    { name: 'partitions', run: () => checkPlaces(storeProbe) },
    { name: 'disk', run: () => checkSpace(storeProbe) },
    { name: 'feed', run: () => checkFeed(feed, timers) },
    { name: 'workers', run: () => checkWorkers(registry) },
    { name: 'routes', run: () => checkRoutes(registry, taskProbe) },
    { name: 'runs', run: () => checkRuns(registry, runs) },
    { name: 'effects', run: () => checkEffects(ledger) },
    { name: 'recovery', run: () => checkRecovery(storeProbe) },
    { name: 'heads', run: () => checkHeads({ taskProbe, index, store, random }) },
  ])
}

const runAll = async (timers: Timers, checks: readonly Check[]): Promise<readonly Finding[]> => {
  const findings = checks.map(async ({ name, run }): Promise<readonly Finding[]> => {
    try {
      return await withCheckDeadline(timers, run())
    } catch (error) {
      return [toUnmade(name, error)]
    }
  })
  return (await Promise.all(findings)).flat()
}

/** By the timers of the port, not by mechanisms/with-deadline.ts: a test then waits for no real second. */
const withCheckDeadline = async <Answer>(timers: Timers, answer: Promise<Answer>): Promise<Answer> => {
  const late = Promise.withResolvers<never>()
  const cancel = timers.after(checkDeadlineMs, () =>
    late.reject(new Error(`it took longer than ${checkDeadlineMs / 1_000} s`)),
  )
  try {
    return await Promise.race([answer, late.promise])
  } finally {
    cancel()
  }
}

const toUnmade = (name: string, error: unknown): Finding =>
  warning(
    `${name}-not-examined`,
    `this could not be looked at: ${error instanceof Error ? error.message : String(error)}`,
    'repair what else was found, then examine again',
  )
