import { setTimeout as sleep } from 'node:timers/promises'
import { startRedisServer } from '../../support/redis-server.ts'
import { killAllProcesses, runTaskfold } from '../../scenarios/support/process.ts'
import { startClients } from './clients.ts'
import { startCutProxy } from './cut-proxy.ts'
import { createDice } from './dice.ts'
import { startEffectReceiver } from './effect-receiver.ts'
import type { Link, Targets } from './faults.ts'
import { type Follower, startFollower } from './follower.ts'
import { judgeAnswers } from './judge-answers.ts'
import { judgeEffects } from './judge-effects.ts'
import { type Judgement, judge } from './judge.ts'
import { createLosses } from './losses.ts'
import { type FleetNode, startNode } from './node.ts'
import { type PostgresPair, startPostgresPair } from './postgres-pair.ts'
import { createRedisConversation } from './redis-conversation.ts'
import { strike, type StruckFault } from './strands.ts'
import { readUnfencedAppend } from './unfenced-append.ts'

/** What a campaign did, and what came of it. */
export interface CampaignOutcome {
  readonly seed: number
  readonly forMs: number
  readonly struck: readonly StruckFault[]
  readonly judgement: Judgement
  readonly acknowledged: number
  /** Acknowledged, and never on the follower that was promoted: the only ones that may be missing. */
  readonly lostWithLeader: number
  readonly statuses: ReadonlyMap<number, number>
  readonly feedBeginnings: number
  readonly deliveries: { readonly calls: number; readonly keys: number }
  readonly diskKind: PostgresPair['diskKind']
  /** Promises that were broken, a line each: none in a campaign that passes. */
  readonly broken: readonly string[]
}

export interface CampaignOptions {
  readonly forMs: number
  readonly seed: number
  readonly say: (line: string) => void
  /** `taken-away`: with an append function that compares no versions. Such a campaign must fail. */
  readonly fence?: 'in-force' | 'taken-away'
  /** For how long the tasks may take to end once the faults are over. */
  readonly settleMsMax?: number
}

/** Short enough that a lost worker is noticed many times in a campaign, long enough for a machine that is busy. */
const lease = { LEASE_MS: '6000', BEAT_MS: '1000', SWEEP_MS: '1000', RECONCILE_MS: '1000' }
const handlers = new URL('./campaign-tasks.ts', import.meta.url).pathname
const roles = ['api', 'api', 'worker', 'worker', 'worker', 'maintenance']
const usualSettleMsMax = 180_000
const pollMs = 500

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
  const receiver = await startEffectReceiver()
  stack.defer(() => receiver.close())
  // Ended in order by then, unless the campaign itself broke.
  stack.defer(() => killAllProcesses())
  const links: Link[] = []
  for (const [index, role] of roles.entries()) {
    const queue = await startCutProxy(redis.port, createRedisConversation)
    stack.defer(() => queue.close())
    links.push({ node: `${role}-${index + 1}`, database: await pair.openProxy(), queue })
  }
  const toEnv = ({ database, queue }: Link) => ({
    DATABASE_URL: pair.toUrl(database),
    REDIS_URL: `redis://127.0.0.1:${queue.port}`,
    HANDLERS: handlers,
    CAMPAIGN_RECEIVER: receiver.url,
    CONCURRENCY: '20',
    START_WAIT_MS: '120000',
    ...lease,
  })
  await migrate(pair, links.map(toEnv), options.fence ?? 'in-force')
  const nodes = await Promise.all(links.map((link) => startNode(link.node, [roleOf(link)], toEnv(link))))
  for (const node of nodes) stack.defer(() => node.remove())
  const urls = nodes.filter(({ name }) => name.startsWith('api')).map(({ url }) => url)
  const clients = startClients({ urls, callers: 8, pauseMs: 100, dice: createDice(options.seed) })
  const follower = startFollower(urls)
  const losses = createLosses()
  const targets: Targets = {
    pair,
    redis,
    nodes,
    links,
    onPromoted: losses.notePromotion,
    blockWorker: (ms) => clients.submit('campaign.busy', ms),
  }

  const { struck, unrecovered } = await strike({ targets, clients, ...options })
  options.say('the faults are over')
  await clients.stop()
  const settleMsMax = options.settleMsMax ?? usualSettleMsMax
  const unfinished = await untilSettled(pair, settleMsMax)
  await follower.stop()
  const ends = await Promise.all(nodes.map((node) => node.stop()))
  const judgement = await judge(pair.query)
  const missing = losses.judgeMissing(clients.acknowledged, judgement.taskOf)
  return {
    seed: options.seed,
    forMs: options.forMs,
    struck,
    judgement,
    acknowledged: clients.acknowledged.length,
    lostWithLeader: missing.lostWithLeader,
    statuses: clients.statuses,
    feedBeginnings: follower.beginnings,
    deliveries: {
      calls: receiver.deliveries.length,
      keys: new Set(receiver.deliveries.map(({ key }) => key)).size,
    },
    diskKind: pair.diskKind,
    broken: [
      ...unrecovered,
      ...(unfinished === 0 ? [] : [`${unfinished} tasks had not ended ${settleMsMax / 1_000} s after the last fault`]),
      ...judgement.faults,
      ...missing.faults,
      ...losses.judgeKept(judgement.versions),
      ...judgeAnswers(clients.told, judgement, losses),
      ...judgeEffects(receiver, judgement, losses),
      ...clients.wrongAnswers.slice(0, 20),
      ...follower.faults,
      ...compareFeed(follower, judgement),
      ...findBadEnds(nodes, ends),
    ],
  }
}

const roleOf = ({ node }: Link): string => node.split('-')[0] ?? node

const migrate = async (
  pair: PostgresPair,
  [env]: readonly Readonly<Record<string, string>>[],
  fence: NonNullable<CampaignOptions['fence']>,
): Promise<void> => {
  const migrated = await runTaskfold({ words: ['migrate'], env: env ?? {} })
  if (migrated.end !== 0) throw new Error(`migrate ended with ${migrated.end}: ${migrated.err}`)
  if (fence === 'taken-away') await pair.query(await readUnfencedAppend())
}

const findBadEnds = (nodes: readonly FleetNode[], ends: readonly (number | string)[]): readonly string[] => [
  ...nodes.flatMap(({ breakdowns }) => breakdowns),
  ...nodes.flatMap(({ name }, index) => (ends[index] === 0 ? [] : [`${name} ended with ${ends[index]}`])),
]

/** Answers how many tasks have not ended when the time is over. */
const untilSettled = async ({ query }: PostgresPair, settleMsMax: number): Promise<number> => {
  let unfinished = 0
  for (const endsAtMs = performance.now() + settleMsMax; performance.now() < endsAtMs; await sleep(pollMs)) {
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
