import type { HandlerContext } from '#application/ports/task-handler.ts'
import type { CountName } from '#application/ports/surroundings/counts.ts'
import type { TaskId } from '#domain/identifiers.ts'
import type { RecordedEvent } from '#domain/task/events.ts'
import { findBreaches } from '../../domain/task/support/legality.ts'
import type { ObservedLease } from '../node/node-registry.ts'
import type { DatabaseServer } from '../server/database-server.ts'
import type { Host } from '../world/host.ts'
import type { World } from '../world/world.ts'

/**
 * Watches a course step by step, and says what is broken as soon as it is. Histories are judged by rules that stand in
 * legality.ts a second time, in other words than the core's.
 */
export interface Judge {
  count(name: CountName): void
  counted(name: CountName): number
  leaseBegan(host: Host, lease: ObservedLease): void
  handlerBegan(host: Host, context: HandlerContext): { ended(): void }
  effectBegan(host: Host, context: HandlerContext, name: string, key: string): void
  effectEnded(context: HandlerContext, name: string, receipt: unknown): void
  /** The run of that handler knows of an effect in doubt: it must not succeed. */
  effectDoubted(context: HandlerContext): void
  /** A failover has lost something of these tasks: what no store can keep is not asked for. */
  lost(taskIds: ReadonlySet<TaskId>): void
  /** Every incarnation was ended at once, its lease not over: whoever works under one stops with its next beat. */
  incarnationsEnded(): void
  /** Tasks that have not ended. */
  open(): ReadonlySet<TaskId>
  isLost(taskId: TaskId): boolean
}

interface Handling {
  readonly host: Host
  readonly context: HandlerContext
  readonly lease: ObservedLease | undefined
}

/** The share of a lease after which its holder must have stopped: see worker-lease.ts. */
const usableShare = 0.8

const endings: ReadonlySet<RecordedEvent['type']> = new Set(['Succeeded', 'Cancelled'])

const isEnd = (event: RecordedEvent | undefined): boolean =>
  event !== undefined && (endings.has(event.type) || (event.type === 'Failed' && event.data.final))

/** Asked for by a clock that has stepped back since: it is hours away, and rightly so. */
const isFarAway = (stream: readonly RecordedEvent[]): boolean => {
  const last = stream.at(-1)
  return last?.type === 'Submitted' && (last.data.runAt ?? 0) > last.recordedAt + farMs
}

const farMs = 60_000

export const createJudge = (world: World, server: DatabaseServer): Judge => {
  const { database } = server.held
  const counts = new Map<CountName, number>()
  const leases = new Map<Host, ObservedLease>()
  const handlings = new Map<TaskId, Set<Handling>>()
  const keys = new Map<string, string>()
  const receipts = new Map<string, unknown>()
  /** Task and attempt. */
  const doubted = new Set<string>()
  const open = new Set<TaskId>()
  const lostTasks = new Set<TaskId>()

  const isHeld = (lease: ObservedLease | undefined): boolean =>
    lease !== undefined && world.scheduler.nowMs() - lease.acknowledgedSentAtMs() <= lease.leaseMs * usableShare

  const isInForce = ({ host, context, lease }: Handling): boolean =>
    host.state === 'awake' && !context.signal.aborted && isHeld(lease)

  const isLost = (taskId: TaskId): boolean => lostTasks.has(taskId)

  /** Of one task at most one handler may be at work that was not told to stop, in a process that is awake and holds its lease. */
  const judgeFence = (taskId: TaskId): void => {
    if (isLost(taskId)) return
    const [first, second] = [...(handlings.get(taskId) ?? [])].filter(isInForce)
    if (first === undefined || second === undefined) return
    world.breach(
      `two handlers of ${taskId} at once: attempt ${first.context.attempt} on ${first.host.name}, ${second.context.attempt} on ${second.host.name}`,
    )
  }

  /** A handler whose lease is held works for the run that its history names last. */
  const judgeBeginning = (handling: Handling): void => {
    const { context, lease, host } = handling
    const { taskId, attempt } = context
    if (isLost(taskId) || !isInForce(handling)) return
    const history = database.streams.get(taskId) ?? []
    const started = history.findLast((event) => event.type === 'Started')
    const last = history.at(-1)
    const isRunning = last?.type === 'Started' || last?.type === 'CancelRequested'
    if (isRunning && started?.data.attempt === attempt && started.data.incarnation === lease?.incarnation) return
    world.breach(`attempt ${attempt} of ${taskId} began on ${host.name} after ${last?.type} v${last?.version}`)
  }

  const takeCommit = (taskId: TaskId, events: readonly RecordedEvent[], stream: readonly RecordedEvent[]): void => {
    for (const event of events) {
      world.scheduler.mix(event.type)
      world.tell('database', () => describeEvent(event))
    }
    if (isEnd(stream.at(-1)) || isFarAway(stream)) open.delete(taskId)
    else open.add(taskId)
    for (const breach of findBreaches(stream)) {
      // It was due by the clock that its worker was told, a moment before that stepped back.
      if (server.hasSteppedBack() && breach.endsWith('before it was ready')) continue
      world.breach(`the history of ${taskId}: ${breach}`)
    }
    const head = database.heads.find(taskId)
    if (head?.version !== stream.length)
      world.breach(`the head of ${taskId} stands at ${head?.version}, not ${stream.length}`)
    judgeOutcome(taskId, stream)
  }

  /** A result is of the process whose run was in force. */
  const judgeOutcome = (taskId: TaskId, stream: readonly RecordedEvent[]): void => {
    const last = stream.at(-1)
    if (last?.type !== 'Succeeded') return
    if (doubted.has(`${taskId} ${last.data.attempt}`) && !isLost(taskId)) world.breach(`${taskId} succeeded in doubt`)
    const started = stream[last.data.run - 1]
    const incarnation = started?.type === 'Started' ? started.data.incarnation : undefined
    const by: unknown = JSON.parse(last.data.result)
    const name = typeof by === 'object' && by !== null && 'host' in by ? by.host : undefined
    if (name !== holders.get(incarnation ?? '')) world.breach(`the result of ${taskId} is of ${String(name)}`)
  }

  /** The process of each incarnation. */
  const holders = new Map<string, string>()

  server.onCommit(takeCommit)
  return {
    count: (name) => void counts.set(name, (counts.get(name) ?? 0) + 1),
    counted: (name) => counts.get(name) ?? 0,
    leaseBegan: (host, lease) => {
      leases.set(host, lease)
      holders.set(lease.incarnation, host.name)
    },
    handlerBegan: (host, context) => {
      const { taskId, attempt } = context
      const handling: Handling = { host, context, lease: leases.get(host) }
      const ofTask = handlings.get(taskId) ?? new Set()
      handlings.set(taskId, ofTask.add(handling))
      world.tell(host.name, () => `the handler of ${short(taskId)} begins, attempt ${attempt}`)
      judgeBeginning(handling)
      judgeFence(taskId)
      return {
        ended: () => {
          ofTask.delete(handling)
          world.tell(host.name, () => `the handler of ${short(taskId)} ends, attempt ${attempt}`)
        },
      }
    },
    effectBegan: (host, { taskId }, name, key) => {
      const place = placeOf(taskId, name)
      world.tell(host.name, () => `${name} of ${short(taskId)} is performed`)
      const known = keys.get(place)
      if (known !== undefined && known !== key) world.breach(`${name} of ${taskId} was performed with two keys`)
      keys.set(place, key)
    },
    effectEnded: ({ taskId }, name, receipt) => {
      if (isLost(taskId)) return
      const place = placeOf(taskId, name)
      const known = receipts.get(place)
      if (known !== undefined && known !== receipt) world.breach(`${name} of ${taskId} has two results`)
      receipts.set(place, receipt)
    },
    effectDoubted: ({ taskId, attempt }) => void doubted.add(`${taskId} ${attempt}`),
    lost: (taskIds) => {
      for (const taskId of taskIds) lostTasks.add(taskId)
      open.clear()
      for (const [taskId, stream] of database.streams) if (!isEnd(stream.at(-1)) && !isFarAway(stream)) open.add(taskId)
    },
    incarnationsEnded: () => {
      leases.clear()
      for (const ofTask of handlings.values()) ofTask.clear()
    },
    open: () => open,
    isLost,
  }
}

/** What a task does outside, as those who count it there name it. */
export const placeOf = (taskId: TaskId, name: string): string => `${taskId} ${name}`

/** The last letters tell the tasks of a course apart; the first ones are the time. */
export const short = (taskId: string): string => taskId.slice(-6)

const describeEvent = (event: RecordedEvent): string => {
  const { type, version, taskId } = event
  const what = event.type === 'Failed' ? `Failed (${event.data.cause}${event.data.final ? ', final' : ''})` : type
  return `${short(taskId)} v${version} ${what}`
}
