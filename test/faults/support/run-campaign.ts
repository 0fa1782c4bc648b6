import { setTimeout as sleep } from 'node:timers/promises'
import { startRedisServer } from '../../support/redis-server.ts'
import { killAllProcesses, runTaskfold } from '../../scenarios/support/process.ts'
import { type Clients, startClients } from './clients.ts'
import { startCutProxy } from './cut-proxy.ts'
import type { Dice } from './dice.ts'
import { pickFault, type Targets } from './faults.ts'
import { type Follower, startFollower } from './follower.ts'
import { type Judgement, judge } from './judge.ts'
import { type FleetNode, startNode } from './node.ts'
import { createLosses } from './losses.ts'
import { type PostgresPair, startPostgresPair } from './postgres-pair.ts'

/** What a campaign did, and what came of it. */
export interface CampaignOutcome {
  readonly struck: readonly StruckFault[]
  readonly judgement: Judgement
  readonly acknowledged: number
  /** Acknowledged, and never on the follower that was promoted: the only ones that may be missing. */
  readonly lostWithLeader: number
  readonly statuses: ReadonlyMap<number, number>
  readonly feedBeginnings: number
  /** Promises that were broken, a line each: none in a campaign that passes. */
  readonly broken: readonly string[]
}

export interface StruckFault {
  readonly name: string
  /** From the end of the fault until each process was ready and a new task had run. */
  readonly recoveredMs: number
}

export interface CampaignOptions {
  readonly forMs: number
  readonly dice: Dice
  readonly say: (line: string) => void
}

/** Short enough that a lost worker is noticed many times in a campaign, long enough for a machine that is busy. */
const lease = { LEASE_MS: '6000', BEAT_MS: '1000', SWEEP_MS: '1000', RECONCILE_MS: '1000' }
const handlers = new URL('./campaign-tasks.ts', import.meta.url).pathname
const roles = ['api', 'api', 'worker', 'worker', 'worker', 'maintenance']
/** A leap of the clock beyond the partitions that are there may take 70 s to be believed. */
const recoveryMsMax = 120_000
const settleMsMax = 180_000
const pollMs = 100

/**
 * Runs two APIs, three workers and a maintenance process on a pair of databases and a Redis of their own, strikes them for
 * that long while callers submit, and judges what is left. Closes all that it started.
 */
export const runCampaign = async (options: CampaignOptions): Promise<CampaignOutcome> => {
  await using stack = new AsyncDisposableStack()
  const pair = await startPostgresPair()
  stack.defer(() => pair.remove())
  const redis = await startRedisServer()
  stack.defer(() => redis.remove())
  const redisProxy = await startCutProxy(redis.port)
  stack.defer(() => redisProxy.close())
  // Ended in order by then, unless the campaign itself broke.
  stack.defer(() => killAllProcesses())
  const env = {
    DATABASE_URL: pair.url,
    REDIS_URL: `redis://127.0.0.1:${redisProxy.port}`,
    HANDLERS: handlers,
    CONCURRENCY: '20',
    START_WAIT_MS: '120000',
    ...lease,
  }
  const migrated = await runTaskfold({ words: ['migrate'], env })
  if (migrated.end !== 0) throw new Error(`migrate ended with ${migrated.end}: ${migrated.err}`)
  const nodes = await Promise.all(roles.map((role, index) => startNode(`${role}-${index + 1}`, [role], env)))
  const urls = nodes.filter(({ name }) => name.startsWith('api')).map(({ url }) => url)
  const clients = startClients({ urls, callers: 8, pauseMs: 100, dice: options.dice })
  const follower = startFollower(urls)
  const losses = createLosses()
  const targets: Targets = { pair, redis, redisProxy, nodes, onPromoted: losses.notePromotion }

  const { struck, unrecovered } = await strike(targets, clients, options)
  options.say('the faults are over')
  await clients.stop()
  const unfinished = await untilSettled(pair)
  await follower.stop()
  const ends = await Promise.all(nodes.map((node) => node.stop()))
  const judgement = await judge(pair.query)
  const missing = losses.judgeMissing(clients.acknowledged, judgement.taskOf)
  return {
    struck,
    judgement,
    acknowledged: clients.acknowledged.length,
    lostWithLeader: missing.lostWithLeader,
    statuses: clients.statuses,
    feedBeginnings: follower.beginnings,
    broken: [
      ...unrecovered,
      ...(unfinished === 0 ? [] : [`${unfinished} tasks had not ended ${settleMsMax / 1_000} s after the last fault`]),
      ...judgement.faults,
      ...missing.faults,
      ...losses.judgeKept(judgement.versions),
      ...clients.wrongAnswers.slice(0, 20),
      ...follower.faults,
      ...compareFeed(follower, judgement),
      ...nodes.flatMap(({ breakdowns }) => breakdowns),
      ...nodes.flatMap(({ name }, index) => (ends[index] === 0 ? [] : [`${name} ended with ${ends[index]}`])),
    ],
  }
}

const strike = async (targets: Targets, clients: Clients, { forMs, dice, say }: CampaignOptions) => {
  const struck: StruckFault[] = []
  const unrecovered: string[] = []
  for (const endsAtMs = performance.now() + forMs; performance.now() < endsAtMs;) {
    const fault = pickFault(dice)
    await fault.strike(targets, dice)
    const overAtMs = performance.now()
    const state = await untilRecovered(targets.nodes, clients)
    const recoveredMs = performance.now() - overAtMs
    struck.push({ name: fault.name, recoveredMs })
    say(`${fault.name}: recovered after ${recoveredMs.toFixed(0)} ms, ${clients.acknowledged.length} acknowledged`)
    if (state !== 'recovered') unrecovered.push(`after "${fault.name}": ${state}`)
  }
  return { struck, unrecovered }
}

/** Until every process is ready and a submission is acknowledged again; else says what is missing. */
const untilRecovered = async (nodes: readonly FleetNode[], clients: Clients): Promise<string> => {
  const acknowledgedBefore = clients.acknowledged.length
  let waitsFor = ''
  for (const endsAtMs = performance.now() + recoveryMsMax; performance.now() < endsAtMs; await sleep(pollMs)) {
    const readiness = await Promise.all(nodes.map(async (node) => ((await node.isReady()) ? undefined : node.name)))
    const unready = readiness.filter((name) => name !== undefined)
    if (unready.length === 0 && clients.acknowledged.length > acknowledgedBefore) return 'recovered'
    waitsFor = unready.length === 0 ? 'no submission was acknowledged' : `${unready.join(', ')} not ready`
  }
  return waitsFor
}

/** Answers how many tasks have not ended when the time is over. */
const untilSettled = async ({ query }: PostgresPair): Promise<number> => {
  let unfinished = 0
  for (const endsAtMs = performance.now() + settleMsMax; performance.now() < endsAtMs; await sleep(pollMs * 5)) {
    const [row] = await query<{ count: number }>(
      `select count(*)::int as count from taskfold.tasks where status in ('PENDING', 'PROCESSING')`,
    )
    unfinished = row?.count ?? 0
    if (unfinished === 0) break
  }
  return unfinished
}

/** The feed has told of every event of every task. */
const compareFeed = ({ versions }: Follower, judgement: Judgement): readonly string[] => {
  const differing = [...judgement.versions].filter(([task, version]) => versions.get(task) !== version)
  const unknown = [...versions.keys()].filter((task) => !judgement.versions.has(task))
  return [
    ...differing
      .slice(0, 10)
      .map(([task, version]) => `the feed ended at ${versions.get(task)} of ${version} for ${task}`),
    ...(differing.length > 10 ? [`and so for ${differing.length - 10} tasks more`] : []),
    ...unknown.slice(0, 10).map((task) => `the feed told of ${task}, which is not there`),
  ]
}
