import { expect } from 'vitest'
import { type Audit, expectWholeHistory } from '../../support/audit.ts'
import { request, until } from '../../support/http.ts'
import { keepSubmitting, type Load, pause } from '../../support/load.ts'
import type { RedisFleet } from './redis-fleet.ts'

/** Ten seconds in a campaign; less otherwise. */
const outageMs = Number(process.env['SCENARIO_OUTAGE_MS'] ?? 3_000)

/** How many tasks are submitted before the trouble begins, at the least. */
const tasksBefore = Number(process.env['SCENARIO_TASKS'] ?? 600) / 2
const tasksAfter = 100

export interface Drill {
  readonly name: string
  readonly redisFleet: RedisFleet
  readonly hurt: () => Promise<unknown>
  /** Left out when Redis is never away. */
  readonly heal?: () => Promise<unknown>
  readonly submission?: (index: number) => Readonly<Record<string, unknown>>
  /** How many have ended before it begins, each with its first attempt. */
  readonly tasksSoFar?: number
}

/** A task that has been ready for longer than this waits for the queue, and not for a slot. */
const overdueMs = 500
const recoveryDeadlineMs = 60_000

/**
 * Keeps two APIs under load while Redis is hurt and healed. Every submission must be taken all the time; every task must
 * run once, with its first attempt. Says how fast it went meanwhile and how long recovery took.
 */
export const runDrill = async (drill: Drill): Promise<Audit> => {
  const { name, redisFleet, hurt, heal, submission, tasksSoFar = 0 } = drill
  const { apis, watch, fleet } = redisFleet
  const options = { inFlight: 2, pauseMs: 10, ...(submission && { submission }) }
  const loads = apis.map(({ url }) => keepSubmitting(url, options))
  await until('some load', async () => (acknowledged(loads) >= tasksBefore ? 'yes' : undefined), 120_000)

  await hurt()
  if (heal !== undefined) {
    const rate = await expectDegraded(drill)
    process.stdout.write(`${name}: ${Math.round(rate)} tasks/s ended while Redis was away\n`)
    await heal()
  }
  const healedAtMs = performance.now()
  const sinceHealed = (): number => Math.round(performance.now() - healedAtMs)
  const readyMs = await until('readiness', () => isReady(apis), recoveryDeadlineMs).then(sinceHealed)
  const caughtUp = async () => ((await watch.countOverdue(overdueMs)) === 0 ? 'yes' : undefined)
  const drainedMs = await until('full speed', caughtUp, recoveryDeadlineMs).then(sinceHealed)
  process.stdout.write(`${name}: ready after ${readyMs} ms, nothing overdue after ${drainedMs} ms\n`)

  const before = acknowledged(loads)
  await until('load afterwards', async () => (acknowledged(loads) >= before + tasksAfter ? 'yes' : undefined))
  await Promise.all(loads.map((load) => load.stop()))
  expect(loads.flatMap(({ refusals }) => refusals)).toEqual([])
  const count = tasksSoFar + acknowledged(loads)
  await until('the end of all', async () => ((await watch.countEnded()) === count ? 'yes' : undefined), 60_000)
  const audit = await expectWholeHistory(fleet.database.url)
  expect(audit).toEqual({ tasks: count, ended: count, succeeded: count, events: 3 * count })
  return audit
}

const acknowledged = (loads: readonly Load[]): number => loads.reduce((sum, load) => sum + load.acknowledged.length, 0)

const isReady = async (apis: RedisFleet['apis']): Promise<'yes' | undefined> => {
  const answers = await Promise.all(apis.map(({ url }) => request(url, '/readyz')))
  return answers.every(({ status }) => status === 200) ? 'yes' : undefined
}

/** Answers how many tasks a second ended from the moment the loss was noticed on. */
const expectDegraded = async ({ redisFleet: { apis, workers, watch } }: Drill): Promise<number> => {
  const hurtAtMs = performance.now()
  for (const { url } of [...apis, ...workers]) {
    const { body } = await until('a readiness that turned', async () => {
      const answer = await request<{ readonly checks: unknown }>(url, '/readyz')
      return answer.status === 503 ? answer : undefined
    })
    expect(JSON.stringify(body)).toMatch(/"name":"redis","ok":false/)
    expect((await request(url, '/livez')).status).toBe(200)
  }
  const [noticedAtMs, endedBefore] = [performance.now(), await watch.countEnded()]
  await pause(Math.max(1_500, outageMs - (noticedAtMs - hurtAtMs)))
  return ((await watch.countEnded()) - endedBefore) / ((performance.now() - noticedAtMs) / 1_000)
}
