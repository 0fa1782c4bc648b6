import {
  type HandlerContext,
  type HandlerDefaults,
  PayloadInvalidError,
  type TaskHandler,
} from '#application/ports/task-handler.ts'
import type { TaskReference } from '#domain/task/reference.ts'
import { defaultRetryPolicy, type RetryPolicy } from '#domain/retry-policy.ts'
import { describeIssues, type StandardSchema } from './standard-schema.ts'

/** The argument of `defineTask`. Every member but `type` and `run` may be left out. */
export interface TaskSpecification<Payload, Input, Result> {
  /** `[A-Za-z0-9][A-Za-z0-9._:-]{0,127}` */
  readonly type: string
  /**
   * Any Standard Schema, its `validate` synchronous or not. A payload that does not fit ends the task FAILED
   * `payload-invalid` at once. Left out, `run` is given the payload as it was submitted, of type `unknown`.
   */
  readonly input?: StandardSchema<Payload, Input>
  /** 1 to 100. This and the next two hold for submissions that leave the member out. */
  readonly maxAttempts?: number
  /** 1 to 86,400,000. */
  readonly timeoutMs?: number
  /** Members left out come from the default policy; a `maxMs` left out is at least `baseMs`. */
  readonly retry?: Partial<RetryPolicy>
  /**
   * Does the work; is given the output of the schema. Its result is stored as JSON. It may run again after it
   * succeeded (a worker can be lost before the result is recorded), so its effects elsewhere should bear repetition.
   *
   * A thrown PermanentError ends the task, a RetryAfterError chooses the delay, anything else is tried again.
   */
  readonly run: (input: NoInfer<Input>, context: HandlerContext) => Result | Promise<Result>
}

/** A task type and its handler. `Payload` is the type of what is submitted, `Result` that of what `run` returns. */
export interface TaskDefinition<Payload = unknown, Result = unknown>
  extends TaskHandler, TaskReference<Payload, Result> {
  readonly type: string
  readonly [definitionBrand]: 1
  /** Judges `payload` and runs, as a worker does; so tests can call it. Throws PayloadInvalidError beside what `run` throws. */
  run(payload: unknown, context: HandlerContext): Promise<Result>
}

/** From the global symbol registry, so that a definition made by another copy of this module is recognised. */
const definitionBrand: unique symbol = Symbol.for('taskfold.task-definition')

/**
 * Defines a task type: the one value a handler module exports for it, by whatever name.
 *
 * Throws a TypeError or a RangeError that names the member which is missing, unknown or outside its limits.
 */
export function defineTask<Payload = unknown, Input = Payload, Result = unknown>(
  specification: TaskSpecification<Payload, Input, Result>,
): TaskDefinition<Payload, Result>
export function defineTask(specification: TaskSpecification<unknown, unknown, unknown>): TaskDefinition {
  assertSpecification(specification)
  const { type, input, run } = specification
  return Object.freeze({
    [definitionBrand]: 1 as const,
    type,
    defaults: Object.freeze(toDefaults(specification)),
    run: async (payload: unknown, context: HandlerContext) =>
      run(input === undefined ? payload : await judge(input, payload), context),
  })
}

/** Whether `value` came from `defineTask`, by its brand alone: `defineTask` has judged the rest. */
export const isTaskDefinition = (value: unknown): value is TaskDefinition =>
  typeof value === 'object' && value !== null && definitionBrand in value && value[definitionBrand] === 1

const judge = async (schema: StandardSchema, payload: unknown): Promise<unknown> => {
  const verdict = await schema['~standard'].validate(payload)
  if (verdict.issues === undefined) return verdict.value
  throw new PayloadInvalidError(`the payload does not fit: ${describeIssues(verdict.issues)}`)
}

const toDefaults = ({
  maxAttempts,
  timeoutMs,
  retry,
}: TaskSpecification<unknown, unknown, unknown>): HandlerDefaults => ({
  ...(maxAttempts !== undefined && { maxAttempts }),
  ...(timeoutMs !== undefined && { timeoutMs }),
  ...(retry !== undefined && { retry: toRetryPolicy(retry) }),
})

const toRetryPolicy = (retry: Partial<RetryPolicy>): RetryPolicy => {
  const baseMs = retry.baseMs ?? defaultRetryPolicy.baseMs
  return Object.freeze({
    strategy: retry.strategy ?? defaultRetryPolicy.strategy,
    baseMs,
    maxMs: retry.maxMs ?? Math.max(defaultRetryPolicy.maxMs, baseMs),
    jitter: retry.jitter ?? defaultRetryPolicy.jitter,
  })
}

const members = ['type', 'input', 'maxAttempts', 'timeoutMs', 'retry', 'run']
const retryMembers = ['strategy', 'baseMs', 'maxMs', 'jitter']
const typePattern = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/
const timeoutMsMax = 86_400_000
const baseMsMax = 86_400_000
const maxMsMax = 604_800_000

/** Checks at run time what the compiler checks only in TypeScript. */
const assertSpecification = (given: unknown): void => {
  const specification = readMembers('defineTask', given, members)
  const { type, input, run } = specification
  if (typeof type !== 'string' || !typePattern.test(type)) {
    throw new TypeError(
      'defineTask: type must be 1 to 128 letters, digits or . _ : - and begin with a letter or a digit',
    )
  }
  const task = `defineTask ${type}`
  if (typeof run !== 'function') throw new TypeError(`${task}: run must be a function`)
  if (input !== undefined && !isStandardSchema(input)) {
    throw new TypeError(`${task}: input must be a Standard Schema, version 1`)
  }
  assertWhole(task, 'maxAttempts', specification.maxAttempts, 1, 100)
  assertWhole(task, 'timeoutMs', specification.timeoutMs, 1, timeoutMsMax)
  if (specification.retry !== undefined) assertRetry(task, specification.retry)
}

const assertRetry = (task: string, given: unknown): void => {
  const retry = readMembers(`${task}: retry`, given, retryMembers)
  assertWord(task, 'retry.strategy', retry.strategy, ['exponential', 'fixed'])
  assertWord(task, 'retry.jitter', retry.jitter, ['full', 'none'])
  assertWhole(task, 'retry.baseMs', retry.baseMs, 0, baseMsMax)
  assertWhole(task, 'retry.maxMs', retry.maxMs, 0, maxMsMax)
  const baseMs = retry.baseMs ?? defaultRetryPolicy.baseMs
  if (typeof retry.maxMs === 'number' && typeof baseMs === 'number' && retry.maxMs < baseMs) {
    throw new RangeError(`${task}: retry.maxMs must not be less than retry.baseMs, which is ${baseMs}`)
  }
}

const readMembers = (what: string, given: unknown, known: readonly string[]): Readonly<Record<string, unknown>> => {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new TypeError(`${what} takes an object`)
  const unknown = Object.keys(given).find((member) => !known.includes(member))
  if (unknown === undefined) return { ...given }
  throw new TypeError(`${what}: there is no member ${unknown.slice(0, 64)}, only ${known.join(', ')}`)
}

const assertWhole = (task: string, member: string, value: unknown, min: number, max: number): void => {
  if (value === undefined) return
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max) {
    throw new RangeError(`${task}: ${member} must be a whole number from ${min} to ${max}`)
  }
}

const assertWord = (task: string, member: string, value: unknown, words: readonly string[]): void => {
  if (value === undefined || (typeof value === 'string' && words.includes(value))) return
  throw new TypeError(`${task}: ${member} must be ${words.join(' or ')}`)
}

/** A function may be one: some libraries make their schemas callable. */
const isStandardSchema = (value: unknown): boolean => {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  const standard = '~standard' in value ? value['~standard'] : undefined
  if (typeof standard !== 'object' || standard === null) return false
  return (
    'version' in standard && standard.version === 1 && 'validate' in standard && typeof standard.validate === 'function'
  )
}
