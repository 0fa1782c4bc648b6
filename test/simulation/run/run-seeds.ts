import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { CourseOutcome } from '../course/run-course.ts'
import { createMeetings, type Meetings } from '../world/steps.ts'
import type { SeedsRequest } from './seed-worker.ts'

export interface SeedsToRun {
  readonly firstSeed: number
  /** So many seeds, or as many as there is time for. */
  readonly seeds?: number
  readonly forMs?: number
  readonly threads?: number
  readonly onProgress?: (summary: SeedsSummary) => void
}

export interface SeedsSummary {
  seeds: number
  steps: number
  virtualMs: number
  tasks: number
  /** By seed, of those that broke a promise; at most `failuresMax`. */
  readonly failures: CourseOutcome[]
  /** By seed; of the first `hashesMax` alone. */
  readonly hashes: Map<number, number>
  readonly meetings: Meetings
}

const seedsPerRequest = 20
const failuresMax = 20
const hashesMax = 1_000

/** Runs seeds from the first one on, in a thread for each processor, until there are enough or the time is over. */
export const runSeeds = async (run: SeedsToRun): Promise<SeedsSummary> => {
  const { firstSeed, seeds = Number.POSITIVE_INFINITY, forMs = Number.POSITIVE_INFINITY, onProgress } = run
  const summary: SeedsSummary = {
    seeds: 0,
    steps: 0,
    virtualMs: 0,
    tasks: 0,
    failures: [],
    hashes: new Map(),
    meetings: createMeetings(),
  }
  const untilMs = performance.now() + forMs
  let next = firstSeed

  const take = (): readonly number[] => {
    const count = Math.min(seedsPerRequest, firstSeed + seeds - next)
    if (count <= 0 || performance.now() >= untilMs || summary.failures.length >= failuresMax) return []
    next += count
    return Array.from({ length: count }, (_, index) => next - count + index)
  }

  const work = async (): Promise<void> => {
    const thread = new Worker(new URL('seed-worker.ts', import.meta.url), { execArgv: [] })
    try {
      for (let taken = take(); taken.length > 0; taken = take()) {
        for (const outcome of await ask(thread, { seeds: taken })) add(summary, outcome)
        onProgress?.(summary)
      }
    } finally {
      await thread.terminate()
    }
  }

  await Promise.all(Array.from({ length: run.threads ?? availableParallelism() }, work))
  return summary
}

const ask = (thread: Worker, request: SeedsRequest): Promise<readonly CourseOutcome[]> =>
  new Promise((resolve, reject) => {
    const onMessage = (outcomes: readonly CourseOutcome[]): void => end(() => resolve(outcomes))
    const onError = (error: unknown): void => end(() => reject(error))
    const onExit = (code: number): void => end(() => reject(new Error(`a thread ended with ${code}`)))
    const end = (settle: () => void): void => {
      thread.off('message', onMessage).off('error', onError).off('exit', onExit)
      settle()
    }
    thread.on('message', onMessage).on('error', onError).on('exit', onExit)
    thread.postMessage(request)
  })

const add = (summary: SeedsSummary, outcome: CourseOutcome): void => {
  summary.seeds += 1
  summary.steps += outcome.steps
  summary.virtualMs += outcome.virtualMs
  summary.tasks += outcome.tasks
  summary.meetings.add(outcome.meetings)
  if (summary.hashes.size < hashesMax) summary.hashes.set(outcome.seed, outcome.hash)
  if (outcome.breaches.length > 0) summary.failures.push(outcome)
}
