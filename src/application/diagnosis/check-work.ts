import type { RouteBacklog, StoreProbe, TaskProbe } from '../ports/diagnostics.ts'
import type { Route } from '#domain/route.ts'
import type { EffectRecords } from '../ports/ledger/idempotency-ledger.ts'
import type { RunIndex } from '../ports/heads/run-index.ts'
import type { WorkerRegistry, WorkerRow } from '../ports/workers/worker-registry.ts'
import { isAlive, isSilent, takesTasks, toServes } from '../health/worker-liveness.ts'
import { type Finding, nameSome, ok, trouble, warning } from './finding.ts'

const describe = ({ host, pid }: WorkerRow): string => `${host}, process ${pid}`

/** A sweeper declares a silent worker lost and removes its row within about two leases: after three, no sweeper runs. */
const leasesUntilSwept = 3

/** A worker that started within three leases has had no time to declare another one lost. */
const isNew = ({ startedAt, lastBeatAt, leaseMs }: WorkerRow): boolean =>
  lastBeatAt - startedAt < leasesUntilSwept * leaseMs

/** Which workers are alive and which are silent. */
export const checkWorkers = async (registry: Pick<WorkerRegistry, 'readAll'>): Promise<readonly Finding[]> => {
  const workers = await registry.readAll()
  const live = workers.filter(takesTasks)
  const silent = workers.filter(isSilent)
  const findings = [
    live.length === 0
      ? trouble('no-worker', 'no worker is alive', 'start `taskfold worker`')
      : ok('workers', `${live.length} workers are alive`),
  ]
  if (silent.length > 0) {
    const what = `no sign of life from ${nameSome(silent.map(describe))}`
    const isUnswept =
      !live.some(isNew) && silent.some(({ silentForMs, leaseMs }) => silentForMs > leasesUntilSwept * leaseMs)
    findings.push(
      isUnswept
        ? trouble(
            'workers-silent',
            what,
            'start `taskfold worker` or `taskfold maintenance`: nobody declares them lost',
          )
        : warning('workers-silent', what, 'look at these hosts; their tasks are about to be given to others'),
    )
  }
  return findings
}

/** A ready task of a served route that is older than this is late; so is a recovery that began longer ago. */
const patienceMs = 60_000
/** A ready task of a route that is older than this would have been taken if a worker served the route. */
const unservedPatienceMs = 10_000

/** Whether workers take the ready tasks of each route in time. */
export const checkRoutes = async (
  registry: Pick<WorkerRegistry, 'readAll'>,
  taskProbe: Pick<TaskProbe, 'listBacklog'>,
): Promise<readonly Finding[]> => {
  const [backlog, workers] = await Promise.all([taskProbe.listBacklog(), registry.readAll()])
  const live = workers.filter(takesTasks).map((worker) => ({ worker, serves: toServes(worker) }))
  const servingOf = (route: Route): readonly WorkerRow[] =>
    live.flatMap(({ worker, serves }) => (serves(route) ? [worker] : []))
  const hasFreeSlot = ({ route }: RouteBacklog): boolean =>
    servingOf(route).some(({ running, concurrency }) => running < concurrency)

  const unserved = backlog.filter(
    ({ route, oldestReadyAgeMs }) => oldestReadyAgeMs > unservedPatienceMs && servingOf(route).length === 0,
  )
  const late = backlog.filter(
    ({ route, oldestReadyAgeMs }) => oldestReadyAgeMs > patienceMs && servingOf(route).length > 0,
  )
  const stuck = late.filter(hasFreeSlot)
  const behind = late.filter((route) => !hasFreeSlot(route))
  const findings: Finding[] = []
  if (unserved.length > 0) {
    const what = `tasks are ready that no live worker serves: ${describeRoutes(unserved)}`
    findings.push(warning('routes-unserved', what, 'start a worker with these types in HANDLERS and queues in QUEUES'))
  }
  if (stuck.length > 0) {
    const what = `tasks wait although a live worker serves them and has slots free: ${describeRoutes(stuck)}`
    const advice = 'see /readyz of these workers and GET /api/tasks/{id}/explain; restart a worker that pulls nothing'
    findings.push(trouble('tasks-not-taken', what, advice))
  }
  if (behind.length > 0) {
    const what = `more is submitted than is done: ${describeRoutes(behind)}`
    findings.push(warning('backlog', what, 'start more workers, or raise CONCURRENCY'))
  }
  return findings.length > 0 ? findings : [ok('routes', 'what is ready is being taken')]
}

const describeRoutes = (backlog: readonly RouteBacklog[]): string =>
  nameSome(
    backlog.map(
      ({ route: { queue, type }, oldestReadyAgeMs }) =>
        `${type} in queue ${queue}, for ${Math.round(oldestReadyAgeMs / 1_000)} s`,
    ),
  )

const runsCountedMax = 1_000

/** Whether every running task runs on a worker that is alive. */
export const checkRuns = async (
  registry: Pick<WorkerRegistry, 'readAll'>,
  runs: RunIndex,
): Promise<readonly Finding[]> => {
  const incarnations = await runs.listRunningIncarnations()
  // Read after the runs: a worker registers before it starts a run.
  const workers = new Map((await registry.readAll()).map((worker) => [worker.incarnation, worker]))
  let abandoned = 0
  let isForgotten = false
  for (const incarnation of incarnations) {
    const worker = workers.get(incarnation)
    if (worker !== undefined && isAlive(worker)) continue
    if (abandoned >= runsCountedMax) break
    abandoned += (await runs.listRuns(incarnation, runsCountedMax)).length
    isForgotten ||= worker === undefined || worker.silentForMs > leasesUntilSwept * worker.leaseMs
  }
  if (abandoned === 0) return [ok('runs', 'whatever is running has a live worker')]
  const many = abandoned >= runsCountedMax ? `${runsCountedMax} or more` : String(abandoned)
  const what = `${many} tasks are running on workers that are not alive`
  return [
    isForgotten
      ? trouble('runs-abandoned', what, 'start `taskfold worker` or `taskfold maintenance`, which give them to others')
      : warning('runs-abandoned', what, 'wait for a minute and examine again: they are about to be given to others'),
  ]
}

const doubtsCountedMax = 1_000
const doubtsNamedMax = 5

/** Whether people have effects to settle. */
export const checkEffects = async (ledger: Pick<EffectRecords, 'countInDoubt'>): Promise<readonly Finding[]> => {
  const { tasks, examples } = await ledger.countInDoubt(doubtsCountedMax)
  if (tasks === 0) return [ok('effects', 'no effect is in doubt')]
  const many = tasks >= doubtsCountedMax ? `${doubtsCountedMax} or more` : String(tasks)
  const what = `tasks with effects of which nobody knows whether they happened: ${many}, such as ${examples.slice(0, doubtsNamedMax).join(', ')}`
  const advice =
    'find out, say so by POST /api/tasks/{id}/effects/{name}/settle, then retry the task; GET …/effects lists them'
  return [warning('effects-in-doubt', what, advice)]
}

/** The name of the exclusive work of reconciler.ts. */
const reconcilePass = 'reconcile'

/** Whether a process of the fleet reconciles. */
export const checkRecovery = async (storeProbe: Pick<StoreProbe, 'readExclusiveWork'>): Promise<readonly Finding[]> => {
  const agoMs = (await storeProbe.readExclusiveWork()).get(reconcilePass)
  if (agoMs !== undefined && agoMs <= patienceMs) {
    return [ok('recovery', `lost hints were looked for ${Math.round(agoMs / 1_000)} s ago`)]
  }
  const when = agoMs === undefined ? 'never' : `not for ${Math.round(agoMs / 1_000)} s`
  return [
    trouble(
      'recovery-idle',
      `lost hints and lost workers were looked for ${when}`,
      'start `taskfold worker` or `taskfold maintenance`',
    ),
  ]
}
