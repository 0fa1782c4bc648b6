import type { Instant } from '#domain/time.ts'
import type { Clock, Timers } from '../ports/surroundings/clock.ts'
import type { StoreProbe } from '../ports/diagnostics.ts'
import type { EventFeed, FeedBarrier } from '../ports/events/event-feed.ts'
import type { WorkerRegistry } from '../ports/workers/worker-registry.ts'
import { type Finding, nameSome, ok, trouble, warning } from './finding.ts'

export interface StoreDeps {
  readonly storeProbe: StoreProbe
  readonly feed: EventFeed
  readonly registry: WorkerRegistry
  /** What the clock of this host shows, in milliseconds since 1970. */
  readonly hostNow: () => Instant
  readonly clock: Clock
  readonly timers: Timers
}

/** Nothing is decided by these clocks, but `runAt` is given, and logs are read, by them. */
const clockApartMsWarning = 1_000
const clockApartMsTrouble = 60_000
const clockAdvice = 'let the hosts keep time by NTP'

/** How far this host and those of the workers are from the database, by more than a round trip can explain. */
export const checkClocks = async (deps: StoreDeps): Promise<readonly Finding[]> => {
  const sentAtMs = deps.clock.monotonicMs()
  const storeNow = await deps.storeProbe.readClock()
  const tookMs = deps.clock.monotonicMs() - sentAtMs
  const aheadMs = deps.hostNow() - tookMs / 2 - storeNow
  const workers = (await deps.registry.readAll()).filter(({ state }) => state !== 'ended')
  const apart = workers.filter(({ clockAheadMs = 0 }) => Math.abs(clockAheadMs) > clockApartMsWarning)
  const furthestMs = Math.max(0, ...apart.map(({ clockAheadMs = 0 }) => Math.abs(clockAheadMs)))
  const names = apart.map(({ host, clockAheadMs = 0 }) => `${host} by ${describeApart(clockAheadMs)}`)
  return [
    judgeClock(
      'host-clock',
      Math.max(0, Math.abs(aheadMs) - tookMs / 2),
      `the clock of this host differs from the database's by ${describeApart(aheadMs)}`,
    ),
    judgeClock(
      'worker-clocks',
      furthestMs,
      apart.length === 0
        ? "the workers' clocks agree with the database's"
        : `clocks of workers differ from the database's: ${nameSome(names)}`,
    ),
  ]
}

const describeApart = (ms: number): string => `${Math.round(ms)} ms`

const judgeClock = (code: string, apartMs: number, what: string): Finding => {
  if (apartMs >= clockApartMsTrouble) return trouble(`${code}-apart`, what, clockAdvice)
  return apartMs >= clockApartMsWarning ? warning(`${code}-apart`, what, clockAdvice) : ok(code, what)
}

const dayMs = 86_400_000
/** Processes make places for three weeks daily: fewer means that no process has done so for some time. */
const placesDaysWarning = 14
const placesDaysTrouble = 2

/** Whether tasks submitted in the next weeks can be stored. */
export const checkPlaces = async ({ storeProbe }: StoreDeps): Promise<readonly Finding[]> => {
  const [end, now] = await Promise.all([storeProbe.findPlaceEnd(), storeProbe.readClock()])
  const days = end === undefined ? 0 : (end - now) / dayMs
  const what = `there are partitions of events for the next ${days.toFixed(0)} days`
  const advice =
    'start any role: it makes those of three weeks, and needs the right to create tables in schema taskfold'
  if (days < placesDaysTrouble) return [trouble('partitions-missing', what, advice)]
  return [days < placesDaysWarning ? warning('partitions-few', what, advice) : ok('partitions', what)]
}

const freeShareWarning = 0.15
const freeShareTrouble = 0.05

/** What the database weighs, and what is left for it where that can be seen. */
export const checkSpace = async ({ storeProbe }: Pick<StoreDeps, 'storeProbe'>): Promise<readonly Finding[]> => {
  const { usedBytes, disk } = await storeProbe.readSpace()
  const size = `the database has ${toGibibytes(usedBytes)}`
  if (disk === undefined) return [ok('disk', `${size}; how much is free cannot be seen from here`)]
  const what = `${size}; ${toGibibytes(disk.freeBytes)} of ${toGibibytes(disk.totalBytes)} are free on its disk`
  const advice = 'make room or add some: a database that cannot write takes no task'
  const share = disk.freeBytes / disk.totalBytes
  if (share < freeShareTrouble) return [trouble('disk-full', what, advice)]
  return [share < freeShareWarning ? warning('disk-filling', what, advice) : ok('disk', what)]
}

const toGibibytes = (bytes: number): string => `${(bytes / 1_073_741_824).toFixed(2)} GiB`

const barrierLooks = 6
const barrierLookEveryMs = 1_000

/** Whether one transaction keeps the feed from going on for as long as we look, five seconds. */
export const checkFeed = async ({ feed, timers }: StoreDeps): Promise<readonly Finding[]> => {
  let barrier: FeedBarrier | undefined
  for (let look = 0; look < barrierLooks; look += 1) {
    if (look > 0) await timers.sleep(barrierLookEveryMs)
    const found = await feed.findBarrier()
    if (found === undefined || (barrier !== undefined && found.xid !== barrier.xid)) {
      return [ok('feed', 'nothing holds the event feed back')]
    }
    barrier = found
  }
  const holder = barrier?.pid === undefined ? 'a prepared transaction' : `process ${barrier.pid} of the server`
  return [
    warning(
      'feed-held-back',
      `${holder} holds transaction ${barrier?.xid} open, and the event feed waits for it`,
      'end it: pg_terminate_backend, or rollback prepared; see pg_stat_activity and pg_prepared_xacts',
    ),
  ]
}
