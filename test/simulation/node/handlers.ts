import { findCodeOrigin, type CodeOrigin } from '#adapters/worker/run/code-origin.ts'
import type { Isolation } from '#adapters/worker/isolation/isolation.ts'
import { runHandler } from '#adapters/worker/run/run-handler.ts'
import {
  type HandlerContext,
  PermanentError,
  RetryAfterError,
  type TaskHandler,
} from '#application/ports/task-handler.ts'
import {
  type EffectFinding,
  EffectInDoubtError,
  EffectNotDone,
  type EffectWork,
} from '#application/ports/ledger/handler-effects.ts'
import type { Timers } from '#application/ports/surroundings/clock.ts'
import type { Course } from '../course/course.ts'
import type { Act, Ending, Script } from '../course/plan.ts'
import { placeOf } from '../judge/judge.ts'
import { ServiceError } from '../server/outside-world.ts'
import { refusedResult } from '../server/database-server.ts'
import type { Host } from '../world/host.ts'

interface Deps {
  readonly course: Course
  readonly host: Host
  readonly timers: Timers
  /** An error leaves a handler where nobody can catch it: the process breaks down. */
  readonly onEscape: (origin: CodeOrigin | undefined) => void
}

/** Thrown by a handler that kills the process it runs in. */
class Escaped extends Error {
  override readonly name = 'Escaped'
}

/** The handlers of one process, which do what the plan says for their task and attempt. */
export const createHandlers = (deps: Deps): ReadonlyMap<string, TaskHandler> => {
  const types = deps.host.release === 'old' ? ['work'] : ['work', 'novel']
  return new Map(types.map((type) => [type, createHandler(deps, type, 'among others')]))
}

/** Two processes of their own for suspects. One that dies ends its run alone. */
export const createIsolation = (deps: Deps): Isolation => {
  let running = 0
  return {
    freeCount: () => 2 - running,
    run: async ({ task, context, onBegun }) => {
      const { type, payload } = task.facts.submission
      running += 1
      onBegun()
      try {
        const ending = await runHandler(createHandler(deps, type, 'apart'), payload, context)
        if (ending.kind !== 'threw' || ending.failure.error.name !== 'Escaped') return ending
        return { kind: 'crashed', error: ending.failure.error }
      } finally {
        running -= 1
      }
    },
    close: async () => {},
  }
}

const createHandler = (deps: Deps, type: string, place: 'among others' | 'apart'): TaskHandler => ({
  type,
  defaults: {},
  run: async (payload, context) => {
    const { course, host } = deps
    const script = findScript(course, payload, context.attempt)
    const ended = course.world.begin(host, 'run')
    const watched = course.judge.handlerBegan(host, context)
    try {
      for (const act of script.acts) await perform(deps, act, context)
      return await end(deps, script.ending, place)
    } finally {
      watched.ended()
      ended()
    }
  },
})

const nothing: Script = { acts: [], ending: 'return' }

const findScript = ({ world }: Course, payload: unknown, attempt: number): Script => {
  const index = typeof payload === 'object' && payload !== null && 'task' in payload ? payload.task : undefined
  const scripts = typeof index === 'number' ? world.plan.tasks[index]?.scripts : undefined
  return scripts?.[Math.min(attempt, scripts.length) - 1] ?? nothing
}

const perform = async ({ course, host, timers }: Deps, act: Act, context: HandlerContext): Promise<void> => {
  if (act.kind === 'wait') {
    await timers.sleep(act.ms, act.heeds === 'signal' ? context.signal : undefined)
    if (act.heeds === 'signal') context.signal.throwIfAborted()
    return
  }
  try {
    course.judge.effectEnded(context, act.name, await performEffect({ course, host }, act, context))
  } catch (error) {
    if (error instanceof EffectInDoubtError) course.judge.effectDoubted(context)
    if (act.onError === 'throw') throw error
    // Some handlers do not take no for an answer, and go on as if nothing were the matter.
    await performEffect({ course, host }, act, context).catch(() => {})
  }
}

const performEffect = (
  { course: { judge, outside, network }, host }: Pick<Deps, 'course' | 'host'>,
  { name, mode }: Act & { readonly kind: 'effect' },
  context: HandlerContext,
): Promise<string> => {
  const place = placeOf(context.taskId, name)
  const begin = (key: string): void => judge.effectBegan(host, context, name, key)
  const inquire = (): Promise<EffectFinding<string>> => outside.inquire(host, network, place)
  const perform: EffectWork<string> = async ({ key }) => {
    begin(key)
    try {
      return await outside.perform(host, network, place)
    } catch (error) {
      const isCertain = error instanceof ServiceError && error.loss === 'refused'
      throw isCertain ? new EffectNotDone('the service took no connection') : error
    }
  }
  switch (mode) {
    case 'idempotent':
      return context.effect(name, { mode }, ({ key }) => {
        begin(key)
        return outside.performByKey(host, network, key)
      })
    case 'once':
      return context.effect(name, { mode }, perform)
    case 'reconciled':
      return context.effect(name, { mode: 'once', reconcile: inquire }, perform)
    case 'verify':
      return context.effect(name, { mode, verify: inquire }, perform)
  }
}

const end = async (
  { course, host, onEscape }: Deps,
  ending: Ending,
  place: 'among others' | 'apart',
): Promise<unknown> => {
  const { world } = course
  switch (ending) {
    case 'return':
      return { host: host.name }
    case 'throw':
      throw new Error('failed')
    case 'permanent':
      throw new PermanentError('hopeless')
    case 'later':
      throw new RetryAfterError(500)
    case 'unstorable':
      world.met('poison')
      return { host: host.name, text: 'a NUL \0' }
    case 'refused':
      world.met('poison')
      return { host: host.name, text: refusedResult }
    case 'escape':
      world.met('escape', place === 'apart' ? ['run'] : undefined)
      if (place === 'apart') throw new Escaped('the process of the handler died')
      onEscape(findCodeOrigin())
      return new Promise(() => {})
  }
}
