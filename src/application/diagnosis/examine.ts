import type { Clock, Timers } from '../ports/surroundings/clock.ts'
import type { DatabaseProbe, QueueServerProbe } from '../ports/diagnostics.ts'
import { checkHeads, type HeadDeps } from './check-heads.ts'
import { checkDatabase, checkMigrations, checkNotifications, checkQueueServer } from './check-servers.ts'
import { checkClocks, checkFeed, checkPlaces, checkSpace, type StoreDeps } from './check-store.ts'
import { checkRecovery, checkRoutes, checkRuns, checkWorkers, type WorkDeps } from './check-work.ts'
import { type Finding, warning } from './finding.ts'

export interface ExaminationDeps {
  readonly database: DatabaseProbe
  /** Undefined where the queue is in the database. */
  readonly queueServer: QueueServerProbe | undefined
  /** Opens what the looks at the store need, once it is known to be there and of this release. */
  readonly openStore: () => Promise<OpenedForExamination>
  readonly clock: Clock
  readonly timers: Timers
}

export type OpenedForExamination = Omit<StoreDeps & WorkDeps & HeadDeps, 'clock' | 'timers'>

interface Check {
  readonly name: string
  readonly look: () => Promise<readonly Finding[]>
}

/** For each look. The longest, at the feed, watches for five seconds. */
const lookDeadlineMs = 15_000

/**
 * Looks at everything an installation needs, all looks at once, each within its own time, and changes nothing. A look that
 * cannot be made is a finding. First at the servers; what they hold is only looked at when this release can read it.
 */
export const examine = async (deps: ExaminationDeps): Promise<readonly Finding[]> => {
  const { database, queueServer } = deps
  const servers = await lookAtAll(deps, [
    { name: 'database', look: () => checkDatabase(database) },
    { name: 'migrations', look: () => checkMigrations(database) },
    { name: 'notifications', look: () => checkNotifications(database) },
    { name: 'redis', look: () => checkQueueServer(queueServer) },
  ])
  if (!servers.some(({ code, severity }) => code === 'migrations' && severity === 'ok')) return servers
  return [...servers, ...(await lookIntoStore(deps))]
}

const lookIntoStore = async (deps: ExaminationDeps): Promise<readonly Finding[]> => {
  let opened: OpenedForExamination
  try {
    opened = await deps.openStore()
  } catch (error) {
    return [toUnmade('store', error)]
  }
  const parts = { ...opened, clock: deps.clock, timers: deps.timers }
  return lookAtAll(deps, [
    { name: 'clocks', look: () => checkClocks(parts) },
    { name: 'partitions', look: () => checkPlaces(parts) },
    { name: 'disk', look: () => checkSpace(parts) },
    { name: 'feed', look: () => checkFeed(parts) },
    { name: 'workers', look: () => checkWorkers(parts) },
    { name: 'routes', look: () => checkRoutes(parts) },
    { name: 'runs', look: () => checkRuns(parts) },
    { name: 'recovery', look: () => checkRecovery(parts) },
    { name: 'heads', look: () => checkHeads(parts) },
  ])
}

const lookAtAll = async ({ timers }: ExaminationDeps, checks: readonly Check[]): Promise<readonly Finding[]> => {
  const looks = checks.map(async ({ name, look }): Promise<readonly Finding[]> => {
    try {
      return await within(timers, look())
    } catch (error) {
      return [toUnmade(name, error)]
    }
  })
  return (await Promise.all(looks)).flat()
}

const within = async <Answer>(timers: Timers, answer: Promise<Answer>): Promise<Answer> => {
  const late = Promise.withResolvers<never>()
  const cancel = timers.after(lookDeadlineMs, () =>
    late.reject(new Error(`it took longer than ${lookDeadlineMs / 1_000} s`)),
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
