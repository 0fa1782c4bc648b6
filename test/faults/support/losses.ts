import type { Acknowledged } from './clients.ts'
import type { OnPromoted } from './postgres-pair.ts'

/** Keeps account of what a promotion may lose: only what the promoted server never had. */
export interface Losses {
  readonly notePromotion: OnPromoted
  /** Judges acknowledged tasks that are not there. */
  judgeMissing(
    acknowledged: readonly Acknowledged[],
    taskOf: ReadonlyMap<string, string>,
  ): { readonly lostWithLeader: number; readonly faults: readonly string[] }
  /** Whether what was answered at that instant may have been lost by a promotion. */
  mayHaveLost(atMs: number): boolean
  /** Whether a promotion may have lost something between the first and the last of these instants, or beside one of them. */
  spanPromotion(times: readonly number[]): boolean
  /** What a promoted server had is still there at the end. */
  judgeKept(versions: ReadonlyMap<string, number>): readonly string[]
}

interface Promotion {
  readonly keptUntilMs: number
  readonly atMs: number
  readonly versions: ReadonlyMap<string, number>
}

/** An answer that was on its way when the server died may arrive that much later. */
const answerMsMax = 3_000
/** A process that was stopped in between tells that much later of a run whose beginning was lost. */
const runMsMax = 15_000

export const createLosses = (): Losses => {
  const promotions: Promotion[] = []

  const wasLost = ({ taskId, atMs }: Acknowledged): boolean =>
    promotions.some(
      (promotion) =>
        atMs >= promotion.keptUntilMs && atMs <= promotion.atMs + answerMsMax && !promotion.versions.has(taskId),
    )

  return {
    notePromotion: async (query, keptUntilMs) => {
      const rows = await query<{ task: string; version: number }>(
        'select task_id::text as task, max(version) as version from taskfold.events group by 1',
      )
      const versions = new Map(rows.map(({ task, version }) => [task, version]))
      promotions.push({ keptUntilMs, atMs: performance.now(), versions })
    },
    judgeMissing: (acknowledged, taskOf) => {
      const missing = acknowledged.filter(({ token, taskId }) => taskOf.get(token) !== taskId)
      const lost = missing.filter(wasLost)
      const faults = missing
        .filter((task) => !wasLost(task))
        .map(({ token, taskId }) => `${token} was acknowledged as ${taskId} and is ${taskOf.get(token) ?? 'not there'}`)
      return { lostWithLeader: lost.length, faults: faults.slice(0, 20) }
    },
    mayHaveLost: (atMs) =>
      promotions.some((promotion) => atMs >= promotion.keptUntilMs && atMs <= promotion.atMs + answerMsMax),
    spanPromotion: (times) => {
      const first = Math.min(...times)
      const last = Math.max(...times)
      return promotions.some(({ keptUntilMs, atMs }) => first <= atMs + runMsMax && last >= keptUntilMs)
    },
    judgeKept: (versions) =>
      promotions.flatMap((promotion) =>
        [...promotion.versions]
          .filter(([task, version]) => (versions.get(task) ?? 0) < version)
          .slice(0, 10)
          .map(([task, version]) => `version ${version} of ${task} was on a promoted server and is not there`),
      ),
  }
}
