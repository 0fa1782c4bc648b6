import type { Query } from './postgres-pair.ts'

/**
 * What the `events` and `tasks` tables hold after a campaign, and what is wrong with it. The judge shares nothing with the
 * core that it judges: the rules stand here a second time, in other words.
 */
export interface Judgement {
  readonly tasks: number
  readonly events: number
  readonly byStatus: Readonly<Record<string, number>>
  /** The task of each token. */
  readonly taskOf: ReadonlyMap<string, string>
  /** The last version of each task. */
  readonly versions: ReadonlyMap<string, number>
  /** Of each task, its status after each of its events. */
  readonly statusesOf: ReadonlyMap<string, readonly string[]>
  /** How often each task was started. */
  readonly startsOf: ReadonlyMap<string, number>
  /** Tasks that succeeded with an effect: the key under which it was performed. */
  readonly deliveredBy: ReadonlyMap<string, string>
  /** What is wrong, a line each, at most fifty. */
  readonly faults: readonly string[]
}

interface EventRow {
  readonly task: string
  readonly version: number
  readonly append: string
  readonly type: string
  readonly attempt: number | null
  readonly data: Readonly<Record<string, unknown>> | null
  /** Of Submitted: what its caller knows the task by. */
  readonly token: string | null
  /** Of Succeeded: the key of the effect that its handler had. */
  readonly delivered: string | null
}

interface HeadRow {
  readonly task: string
  readonly version: number
  readonly status: string
  readonly run: number | null
  readonly attempt: number
}

type Status = 'none' | 'PENDING' | 'PROCESSING' | 'SUCCESS' | 'FAILED' | 'CANCELLED'

/** What a history has come to. */
interface Standing {
  status: Status
  /** While it runs: the version of its Started. */
  run: number | null
  attempt: number
  spent: number
  attemptsMax: number
  isCancelling: boolean
  /** The append whose next event must be the retry of its failure. */
  retryOwedBy: string | undefined
}

const faultsMax = 50

export const judge = async (query: Query): Promise<Judgement> => {
  const faults: string[] = []
  const heads = new Map((await readHeads(query)).map((head) => [head.task, head]))
  const histories = Map.groupBy(await readEvents(query), ({ task }) => task)
  const taskOf = new Map<string, string>()
  const byStatus: Record<string, number> = {}
  const statusesOf = new Map<string, readonly string[]>()
  const startsOf = new Map<string, number>()
  const deliveredBy = new Map<string, string>()
  let events = 0
  for (const [task, history] of histories) {
    events += history.length
    const { standing, statuses, fault } = readHistory(history)
    statusesOf.set(task, statuses)
    startsOf.set(task, history.filter(({ type }) => type === 'Started').length)
    const key = history.findLast(({ type }) => type === 'Succeeded')?.delivered
    if (key !== undefined && key !== null) deliveredBy.set(task, key)
    byStatus[standing.status] = (byStatus[standing.status] ?? 0) + 1
    const token = history[0]?.token ?? ''
    const other = taskOf.get(token)
    taskOf.set(token, task)
    const found = [
      fault,
      findHeadFault(heads.get(task), standing, history.length),
      findEndFault(standing, history),
      other && `has the token ${token}, and so has ${other}: one key made two tasks`,
    ]
    faults.push(...found.filter((line) => line !== undefined).map((line) => `${task} ${line}`))
  }
  for (const task of heads.keys()) if (!histories.has(task)) faults.push(`${task} has a head and no history`)
  const versions = new Map([...histories].map(([task, history]) => [task, history.length]))
  return {
    tasks: histories.size,
    events,
    byStatus,
    taskOf,
    versions,
    statusesOf,
    startsOf,
    deliveredBy,
    faults: faults.slice(0, faultsMax),
  }
}

/**
 * No handler of a campaign fails for good, and none fails fifty times. But what an effect came to may not be known, and a
 * handler that keeps its loop from coming round is cut off in a process of its own, for good the second time.
 */
const findEndFault = ({ status }: Standing, history: readonly EventRow[]): string | undefined => {
  const { data } = history.at(-1) ?? {}
  const said = JSON.stringify(data)
  if (status !== 'FAILED' || data?.['cause'] === 'effect-in-doubt' || said.includes('stood still')) return undefined
  return `ended FAILED: ${said}`
}

const readEvents = (query: Query): Promise<readonly EventRow[]> =>
  query<EventRow>(
    `select task_id::text as task, version, append_id::text as append, type, attempt, data,
       case when type = 'Submitted' then body ->> 'token' end as token,
       case when type = 'Succeeded' and json_typeof(body) = 'object' then body ->> 'delivered' end as delivered
     from taskfold.events
     order by task_id, version`,
  )

const readHeads = (query: Query): Promise<readonly HeadRow[]> =>
  query<HeadRow>('select task_id::text as task, version, status, run, attempt from taskfold.tasks')

const readHistory = (
  history: readonly EventRow[],
): { readonly standing: Standing; readonly statuses: readonly string[]; readonly fault?: string } => {
  const statuses: string[] = []
  const standing: Standing = {
    status: 'none',
    run: null,
    attempt: 0,
    spent: 0,
    attemptsMax: 0,
    isCancelling: false,
    retryOwedBy: undefined,
  }
  for (const [index, event] of history.entries()) {
    const fault = event.version === index + 1 ? findFault(standing, event) : 'does not have the next number'
    if (fault !== undefined) return { standing, statuses, fault: `v${event.version} ${event.type} ${fault}` }
    step(standing, event)
    statuses.push(standing.status)
  }
  if (standing.retryOwedBy === undefined) return { standing, statuses }
  return { standing, statuses, fault: 'failed for now and has no retry' }
}

/** Why the event may not come now. */
const findFault = (standing: Standing, event: EventRow): string | undefined => {
  const { status, run, isCancelling, retryOwedBy, spent, attemptsMax } = standing
  const data = event.data ?? {}
  if (retryOwedBy !== undefined && (event.type !== 'Retried' || event.append !== retryOwedBy)) {
    return 'comes between a failure and its retry'
  }
  switch (event.type) {
    case 'Submitted':
      return status === 'none' ? undefined : 'comes twice'
    case 'Started':
      if (status !== 'PENDING') return `comes while ${status}`
      if (event.attempt !== standing.attempt + 1) return `is attempt ${event.attempt} after ${standing.attempt}`
      return spent < attemptsMax ? undefined : 'has no attempt left'
    case 'Succeeded':
    case 'Failed':
    case 'Released':
      if (status !== 'PROCESSING') return `comes while ${status}`
      if (isCancelling && event.type !== 'Succeeded') return 'comes after a request to cancel'
      return data['run'] === run ? undefined : `names run ${String(data['run'])} while ${String(run)} is in force`
    case 'Retried':
      if (data['reopened'] === true) {
        return status === 'FAILED' || status === 'CANCELLED' ? undefined : `reopens what is ${status}`
      }
      return retryOwedBy === undefined ? 'follows no failure' : undefined
    case 'Rescheduled':
      return status === 'PENDING' ? undefined : `comes while ${status}`
    case 'CancelRequested':
      return status === 'PROCESSING' && !isCancelling ? undefined : `comes while ${status}`
    case 'Cancelled':
      return status === 'PENDING' || isCancelling ? undefined : `comes while ${status}`
    default:
      return 'is of no known type'
  }
}

const step = (standing: Standing, event: EventRow): void => {
  const data = event.data ?? {}
  const isFailedForNow = event.type === 'Failed' && data['final'] !== true
  standing.retryOwedBy = isFailedForNow ? event.append : undefined
  standing.run = event.type === 'Started' ? event.version : event.type === 'CancelRequested' ? standing.run : null
  standing.isCancelling = event.type === 'CancelRequested'
  standing.status = statusAfter(standing.status, event.type, isFailedForNow)
  if (event.type === 'Submitted') standing.attemptsMax = Number(data['maxAttempts'])
  if (event.type === 'Retried' && data['reopened'] === true) standing.spent = 0
  const change = event.type === 'Started' ? 1 : event.type === 'Released' ? -1 : 0
  standing.attempt += change
  standing.spent += change
}

const statusAfter = (status: Status, type: string, isFailedForNow: boolean): Status => {
  if (type === 'Started') return 'PROCESSING'
  if (type === 'Succeeded') return 'SUCCESS'
  if (type === 'Cancelled') return 'CANCELLED'
  if (type === 'CancelRequested') return status
  return type === 'Failed' && !isFailedForNow ? 'FAILED' : 'PENDING'
}

const findHeadFault = (head: HeadRow | undefined, standing: Standing, version: number): string | undefined => {
  if (head === undefined) return 'has no head'
  const { status, run, attempt } = standing
  const wanted = JSON.stringify({ version, status, run, attempt })
  const found = JSON.stringify({ version: head.version, status: head.status, run: head.run, attempt: head.attempt })
  return found === wanted ? undefined : `has the head ${found} and a history that comes to ${wanted}`
}
