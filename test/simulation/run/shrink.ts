import { type CourseRequest, planCourse } from '../course/plan.ts'
import { type CourseOutcome, runCourse } from '../course/run-course.ts'
import { steps, type FaultKind, faultKinds, type Meetings } from '../world/steps.ts'
import type { StoryLine } from '../world/world.ts'

export interface Shrunk {
  readonly request: CourseRequest
  readonly outcome: CourseOutcome
}

const runsMax = 120

/**
 * The least of a failing course that still fails, found greedily: without a kind of fault, with fewer tasks, fewer workers or
 * a shorter window, for as long as one of them still breaks something.
 */
export const shrink = async (failing: CourseRequest): Promise<Shrunk> => {
  let best: Shrunk = { request: failing, outcome: await runCourse(failing) }
  let runs = 0
  const fails = async (request: CourseRequest): Promise<boolean> => {
    if (runs === runsMax) return false
    runs += 1
    const outcome = await runCourse(request)
    if (outcome.breaches.length === 0) return false
    best = { request, outcome }
    return true
  }
  for (let smaller = true; smaller && runs < runsMax;) {
    smaller = false
    for (const request of listSmaller(best.request)) {
      if (!(await fails(request))) continue
      smaller = true
      break
    }
  }
  return best
}

const without = (request: CourseRequest, kind: FaultKind): CourseRequest => ({
  ...request,
  without: [...(request.without ?? []), kind],
})

const listSmaller = (request: CourseRequest): readonly CourseRequest[] => {
  const { tasks, workers, windowMs, faults } = planCourse(request)
  const fewer: CourseRequest[] = []
  for (const tasksMax of [Math.ceil(tasks.length / 2), tasks.length - 1]) {
    if (tasksMax > 0 && tasksMax < tasks.length) fewer.push({ ...request, tasksMax })
  }
  if (workers > 1) fewer.push({ ...request, workersMax: workers - 1 })
  for (const windowMsMax of [windowMs / 2, windowMs * 0.8]) if (windowMs > 500) fewer.push({ ...request, windowMsMax })
  return [...[...faults.keys()].map((kind) => without(request, kind)), ...fewer]
}

const storyLinesMax = 400

/** What happened in a course, line by line, with the time in seconds. */
export const tellStory = async (request: CourseRequest): Promise<string> => {
  const lines: string[] = []
  await runCourse(request, (line) => lines.push(toLine(line)))
  const left = lines.length - storyLinesMax
  return [
    ...lines.slice(0, storyLinesMax / 2),
    ...(left > 0 ? [`… ${left} lines …`] : []),
    ...lines.slice(left > 0 ? -storyLinesMax / 2 : storyLinesMax / 2),
  ].join('\n')
}

const toLine = ({ atMs, who, what }: StoryLine): string =>
  `${(atMs / 1_000).toFixed(3).padStart(9)}  ${who.padEnd(14)} ${what}`

/** How a course is named in a command. */
export const describeRequest = ({ seed, tasksMax, workersMax, windowMsMax, without: left }: CourseRequest): string => {
  const cuts = [
    tasksMax !== undefined && `${tasksMax} tasks`,
    workersMax !== undefined && `${workersMax} workers`,
    windowMsMax !== undefined && `${Math.round(windowMsMax)} ms`,
    left !== undefined && `without ${left.join(', ')}`,
  ].filter((cut) => cut !== false)
  return [`seed ${seed}`, ...cuts].join('; ')
}

/** How often each fault met each step, a row a fault. */
export const toTable = (meetings: Meetings): string => {
  const width = Math.max(...faultKinds.map((kind) => kind.length))
  const head = ''.padEnd(width) + steps.map((step) => step.slice(0, 7).padStart(8)).join('')
  const rows = faultKinds.map((kind) =>
    [kind.padEnd(width), ...steps.map((step) => String(meetings.of(kind, step)).padStart(8))].join(''),
  )
  return [head, ...rows].join('\n')
}

/** The pairs of a fault and a step that never met. */
export const findUnmet = (meetings: Meetings): readonly string[] =>
  faultKinds.flatMap((kind) =>
    steps.filter((step) => meetings.of(kind, step) === 0).map((step) => `${kind} never met ${step}`),
  )
