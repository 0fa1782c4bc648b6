import { parentPort } from 'node:worker_threads'
import { type CourseOutcome, runCourse } from '../course/run-course.ts'
import type { Cuts } from '../course/plan.ts'

/** What a thread is asked: to run these seeds, one after the other. */
export interface SeedsRequest extends Cuts {
  readonly seeds: readonly number[]
}

/** A thread of run-seeds.ts: answers each list of seeds with their outcomes. */
parentPort?.on('message', (request: SeedsRequest) => void answer(request))

const answer = async ({ seeds, ...cuts }: SeedsRequest): Promise<void> => {
  const outcomes: CourseOutcome[] = []
  for (const seed of seeds) outcomes.push(await runCourse({ seed, ...cuts }))
  parentPort?.postMessage(outcomes)
}
