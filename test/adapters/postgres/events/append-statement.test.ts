import { describe, expect, it } from 'vitest'
import { encodeAppend, toAppendStatement, toVerdicts } from '#adapters/postgres/events/append-statement.ts'
import { noTask } from '#domain/task/state.ts'
import { fail, start } from '../../../support/run-commands.ts'
import { makeAppend, range, submit, toTask } from '../../../support/task-builders.ts'

const encodeFirst = () => encodeAppend(makeAppend(noTask, submit()), 1)

const encodeFailure = () => {
  const first = makeAppend(noTask, submit())
  const pending = toTask(noTask, first, 0)
  const started = makeAppend(pending, start(pending))
  const running = toTask(pending, started, 0)
  return encodeAppend(makeAppend(running, fail(running)), null)
}

const ids = (encoded: readonly { readonly streamId: string }[]) => encoded.map(({ streamId }) => streamId)

describe('the statement of a batch', () => {
  it('has first appends by id, then the others by id, in whatever order they were given', () => {
    const [firsts, others] = [range(5).map(encodeFirst), range(5).map(encodeFailure)]
    const batch = [...others.toReversed(), ...firsts.toReversed()]
    const { sorted } = toAppendStatement(batch, 'each')
    expect(ids(sorted)).toEqual([...ids(firsts).toSorted(), ...ids(others).toSorted()])
  })

  it('names each append by its first event when the verdicts are read', () => {
    const [first, one, other] = [encodeFirst(), encodeFailure(), encodeFailure()]
    const statement = toAppendStatement([other, one, first], 'each')
    const [, second, third] = statement.sorted
    if (second === undefined || third === undefined) throw new Error('three were given')
    const verdictOn = toVerdicts(statement, {
      recorded_ms: 1_000,
      others: [
        { event: 2, verdict: 'conflict', version: 9 },
        { event: 4, verdict: 'already', version: 5, recordedAt: 900 },
      ],
    })
    expect(verdictOn(first)).toEqual({ kind: 'appended', recordedAt: 1_000, readyAt: 1_000 })
    expect(verdictOn(second)).toEqual({ kind: 'conflict', headVersion: 9 })
    expect(verdictOn(third)).toEqual({ kind: 'already', recordedAt: 900, headVersion: 5 })
  })

  it.each([
    ['an append that is not whole numbers', { due: { delayMs: 1.5 } }],
    ['a delay beyond what numbers are exact for', { due: { delayMs: 2 ** 53 } }],
    ['an attempt of more than 32 bits', { attempt: 2 ** 31 }],
    ['a priority of more than 32 bits', { priority: -(2 ** 31) }],
  ])('is never made of %s', (_, differences) => {
    const append = makeAppend(noTask, submit())
    expect(() => encodeAppend({ ...append, head: { ...append.head, ...differences } }, 1)).toThrow(
      expect.objectContaining({ code: 'unstorable-append' }),
    )
  })
})
