import type { Instant } from '#domain/time.ts'
import type { Clock, Timers } from '../ports/surroundings/clock.ts'
import type { StoreProbe } from '../ports/diagnostics.ts'
import type { EventFeed, FeedBarrier } from '../ports/events/event-feed.ts'
import type { WorkerRegistry } from '../ports/workers/worker-registry.ts'
import { type Finding, nameSome, ok, trouble, warning } from './finding.ts'

interface ClockDeps {
  readonly storeProbe: Pick<StoreProbe, 'readClock'>
  readonly registry: Pick<WorkerRegistry, 'readAll'>
  /** What the clock of this host shows, in milliseconds since 1970. */
  readonly hostNow: () => Instant
  readonly clock: Clock
}

/** No decision goes by these clocks, but people give `runAt` and read logs by them. */
const clockApartMsWarning = 1_000
const clockApartMsTrouble = 60_000
const clockAdvice = 'let the hosts keep time by NTP'

/** How far the clocks of this host and of the workers are from the database's, less what a round trip explains. */
export const checkClocks = async (deps: ClockDeps): Promise<readonly Finding[]> => {
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
/** Every process makes the partitions of the next 21 days hourly: fewer days mean that none has done so for a while. */
const placesDaysWarning = 14
const placesDaysTrouble = 2

/** Whether tasks submitted in the next weeks can be stored. */
export const checkPlaces = async (
  storeProbe: Pick<StoreProbe, 'findPlaceEnd' | 'readClock'>,
): Promise<readonly Finding[]> => {
  const [end, now] = await Promise.all([storeProbe.findPlaceEnd(), storeProbe.readClock()])
  const days = end === undefined ? 0 : (end - now) / dayMs
  const what = `there are partitions of events for the next ${days.toFixed(0)} days`
  const advice =
    'start any role: it makes those of three weeks, by a function that `taskfold migrate --grant-to` lets it execute'
  if (days < placesDaysTrouble) return [trouble('partitions-missing', what, advice)]
  return [days < placesDaysWarning ? warning('partitions-few', what, advice) : ok('partitions', what)]
}

const freeShareWarning = 0.15
const freeShareTrouble = 0.05

/** How large the database is, and how much is free on its disk where this host can see it. */
export const checkSpace = async (storeProbe: Pick<StoreProbe, 'readSpace'>): Promise<readonly Finding[]> => {
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

const barrierReadings = 6
const barrierReadingEveryMs = 1_000

/** Whether one and the same transaction holds the feed back in six readings, which take five seconds. */
export const checkFeed = async (feed: Pick<EventFeed, 'findBarrier'>, timers: Timers): Promise<readonly Finding[]> => {
  let barrier: FeedBarrier | undefined
  for (let reading = 0; reading < barrierReadings; reading += 1) {
    if (reading > 0) await timers.sleep(barrierReadingEveryMs)
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
