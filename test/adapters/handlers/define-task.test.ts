import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { defineTask, isTaskDefinition } from '#adapters/handlers/define-task.ts'
import type { StandardSchema, ValidationIssue } from '#adapters/handlers/standard-schema.ts'
import { defaultRetryPolicy } from '#domain/retry-policy.ts'
import { createHandlerContext } from './support/handler-context.ts'

const context = createHandlerContext()

/** For what only JavaScript lets through. */
const defineAnything = (specification: object): unknown => Reflect.apply(defineTask, undefined, [specification])

const refusing = (issues: readonly ValidationIssue[]): StandardSchema => ({
  '~standard': { version: 1, vendor: 'test', validate: () => ({ issues }) },
})

describe('a task with a schema', () => {
  const task = defineTask({
    type: 'report',
    input: z.object({ days: z.string().transform(Number), copies: z.int().default(1) }),
    run: (given) => given,
  })

  test('gives its handler what the schema makes of the payload', async () => {
    expect(await task.run({ days: '7', extra: true }, context)).toEqual({ days: 7, copies: 1 })
  })

  test('refuses a payload with a pointer to each fault', async () => {
    await expect(task.run({ copies: 'a' }, context)).rejects.toMatchObject({
      name: 'PayloadInvalidError',
      message: expect.stringMatching(/^the payload does not fit: \/days: .+; \/copies: .+/),
    })
  })

  test('does not run its handler on such a payload', async () => {
    let ran = false
    const watched = defineTask({ type: 'watched', input: z.string(), run: () => (ran = true) })

    await expect(watched.run(1, context)).rejects.toThrow('the payload does not fit: ')
    expect(ran).toBe(false)
  })

  test('may judge asynchronously', async () => {
    const input = z.string().refine((text) => Promise.resolve(text === 'yes'), 'only yes will do')
    const slow = defineTask({ type: 'slow', input, run: (text) => text })

    expect(await slow.run('yes', context)).toBe('yes')
    await expect(slow.run('no', context)).rejects.toThrow('the payload does not fit: only yes will do')
  })

  test('fails as a handler does when the schema itself throws', async () => {
    const input: StandardSchema = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: () => {
          throw new Error('the schema is broken')
        },
      },
    }
    const task = defineTask({ type: 'broken', input, run: () => 1 })

    await expect(task.run({}, context)).rejects.toMatchObject({ name: 'Error', message: 'the schema is broken' })
  })
})

describe('the faults of a payload', () => {
  const messageOf = (issues: readonly ValidationIssue[]): Promise<unknown> =>
    defineTask({ type: 'a', input: refusing(issues), run: () => 1 })
      .run({}, context)
      .catch((error: unknown) => (error instanceof Error ? error.message : error))

  test.each([
    [{ message: 'no' }, 'no'],
    [{ message: 'no', path: [] }, 'no'],
    [{ message: 'no', path: ['a', 0, 'b'] }, '/a/0/b: no'],
    [{ message: 'no', path: [{ key: 'a' }, { key: 1 }] }, '/a/1: no'],
    [{ message: 'no', path: ['a/b', 'c~d'] }, '/a~1b/c~0d: no'],
    [{ message: 'no', path: [Symbol('s')] }, '/Symbol(s): no'],
  ])('are told as pointers: %o', async (issue, text) => {
    expect(await messageOf([issue])).toBe(`the payload does not fit: ${text}`)
  })

  test('are told ten at a time', async () => {
    const issues = Array.from({ length: 12 }, (_, index) => ({ message: 'no', path: [index] }))

    expect(await messageOf(issues)).toMatch(/\/9: no; and 2 more$/)
  })

  test('are cut when they are long, never within a character', async () => {
    const message = await messageOf([{ message: `${'a'.repeat(1_999)}😀` }])

    expect(message).toHaveLength('the payload does not fit: '.length + 2_001)
    expect(String(message).isWellFormed()).toBe(true)
  })
})

describe('a definition', () => {
  test('is known as one and cannot be changed', () => {
    const task = defineTask({ type: 'a', retry: {}, run: () => 1 })

    expect(isTaskDefinition(task)).toBe(true)
    expect([task, task.defaults, task.defaults.retry].every(Object.isFrozen)).toBe(true)
  })

  test.each([undefined, null, 1, 'a', {}, { type: 'a', run: () => 1 }, () => 1])('is not %o', (value) => {
    expect(isTaskDefinition(value)).toBe(false)
  })

  test('brings no defaults but its own', () => {
    expect(defineTask({ type: 'a', run: () => 1 }).defaults).toEqual({})
    expect(defineTask({ type: 'a', maxAttempts: 3, timeoutMs: 9, run: () => 1 }).defaults).toEqual({
      maxAttempts: 3,
      timeoutMs: 9,
    })
  })

  test('fills in what its retry policy leaves out', () => {
    const retryOf = (retry: object): unknown => defineTask({ type: 'a', retry, run: () => 1 }).defaults.retry

    expect(retryOf({})).toEqual(defaultRetryPolicy)
    expect(retryOf({ baseMs: undefined, jitter: 'none' })).toEqual({ ...defaultRetryPolicy, jitter: 'none' })
    expect(retryOf({ baseMs: 7_200_000 })).toEqual({ ...defaultRetryPolicy, baseMs: 7_200_000, maxMs: 7_200_000 })
  })

  test.each(['a', 'A9', '0', 'user.welcome', 'a_b:c-d', 'a'.repeat(128)])('may be of type %s', (type) => {
    expect(defineTask({ type, run: () => 1 }).type).toBe(type)
  })
})

describe('a mistake in a definition', () => {
  const run = () => 1
  test.each([
    [{ run }, /: type must be 1 to 128 letters/],
    [{ type: '', run }, /: type must be/],
    [{ type: '.a', run }, /: type must be/],
    [{ type: 'a b', run }, /: type must be/],
    [{ type: 'é', run }, /: type must be/],
    [{ type: 'a\n', run }, /: type must be/],
    [{ type: 'a'.repeat(129), run }, /: type must be/],
    [{ type: 'a' }, /a: run must be a function/],
    [{ type: 'a', run: 1 }, /a: run must be a function/],
    [{ type: 'a', run, input: {} }, /a: input must be a Standard Schema/],
    [{ type: 'a', run, input: null }, /a: input must be/],
    [{ type: 'a', run, input: { '~standard': { version: 2, validate: run } } }, /a: input must be/],
    [{ type: 'a', run, maxAttemps: 2 }, /: there is no member maxAttemps, only type, /],
    [{ type: 'a', run, retry: 1 }, /a: retry takes an object/],
    [{ type: 'a', run, retry: [] }, /a: retry takes an object/],
    [{ type: 'a', run, retry: { base: 1 } }, /a: retry: there is no member base/],
    [{ type: 'a', run, retry: { strategy: 'linear' } }, /retry.strategy must be exponential or fixed/],
    [{ type: 'a', run, retry: { jitter: true } }, /retry.jitter must be full or none/],
    [[], /^defineTask takes an object/],
  ])('is a TypeError that names the member: %o', (specification, message) => {
    expect(() => defineAnything(specification)).toThrow(TypeError)
    expect(() => defineAnything(specification)).toThrow(message)
  })

  test.each([
    [{ maxAttempts: 0 }, 'maxAttempts must be a whole number from 1 to 100'],
    [{ maxAttempts: 101 }, 'maxAttempts must be'],
    [{ maxAttempts: 1.5 }, 'maxAttempts must be'],
    [{ maxAttempts: '3' }, 'maxAttempts must be'],
    [{ maxAttempts: null }, 'maxAttempts must be'],
    [{ timeoutMs: 0 }, 'timeoutMs must be a whole number from 1 to 86400000'],
    [{ timeoutMs: 86_400_001 }, 'timeoutMs must be'],
    [{ retry: { baseMs: -1 } }, 'retry.baseMs must be a whole number from 0 to 86400000'],
    [{ retry: { baseMs: 86_400_001 } }, 'retry.baseMs must be'],
    [{ retry: { maxMs: 604_800_001 } }, 'retry.maxMs must be a whole number from 0 to 604800000'],
    [{ retry: { maxMs: 999 } }, 'retry.maxMs must not be less than retry.baseMs, which is 1000'],
    [{ retry: { baseMs: 5, maxMs: 4 } }, 'retry.maxMs must not be less than retry.baseMs, which is 5'],
  ])('is a RangeError when it is a limit: %o', (members, message) => {
    const define = () => defineAnything({ type: 'a', run, ...members })

    expect(define).toThrow(RangeError)
    expect(define).toThrow(`defineTask a: ${message}`)
  })
})
