import { describe, expect, it } from 'vitest'
import { type Append, UnstorableAppendError } from '#application/ports/events/event-store.ts'
import type { ErrorReport, EventContext, Submission } from '#domain/task/events.ts'
import { noTask } from '#domain/task/state.ts'
import { expectHeadsToEqualFolds } from '../../support/heads.ts'
import { fail, start, succeed } from '../../support/run-commands.ts'
import { appendCommand, makeAppend, makeSubmission, range, submit, submitTo } from '../../support/task-builders.ts'
import type { EventStoreWorld } from './world.ts'

const nul = '\0'
const half = '\ud83d'

type MakeBad = (world: EventStoreWorld) => Promise<Append>

const badSubmission = async (
  { routes }: EventStoreWorld,
  differences: Partial<Submission>,
  context: EventContext = {},
): Promise<Append> => {
  const submission = makeSubmission(differences)
  await routes.learn([submission])
  return makeAppend(noTask, submit(submission), { context })
}

const withPayload =
  (payload: string): MakeBad =>
  (world) =>
    badSubmission(world, { payload })

const withContext =
  (context: EventContext): MakeBad =>
  (world) =>
    badSubmission(world, {}, context)

const withResult =
  (result: string): MakeBad =>
  async (world) => {
    const pending = await submitTo(world)
    const running = await appendCommand(world.store, pending, start(pending))
    return makeAppend(running, succeed(running, result))
  }

const withError =
  (differences: Partial<ErrorReport>): MakeBad =>
  async (world) => {
    const pending = await submitTo(world)
    const running = await appendCommand(world.store, pending, start(pending))
    return makeAppend(running, fail(running, { error: { name: 'Error', message: '', ...differences } }))
  }

const bad: readonly (readonly [string, MakeBad])[] = [
  ['a NUL in its payload', withPayload(String.raw`"a\u0000b"`)],
  ['a NUL in its payload after an escaped backslash', withPayload(String.raw`"\\\u0000"`)],
  ['a NUL in a key of its payload', withPayload(String.raw`{"a":[{"\u0000":1}]}`)],
  ['a bare NUL in its payload', withPayload(`"a${nul}b"`)],
  ['half a surrogate pair in its payload', withPayload(`"a${half}b"`)],
  ['an escaped half of a surrogate pair in its payload', withPayload(String.raw`"\ud83d"`)],
  ['two escaped halves in the wrong order', withPayload(String.raw`"\ude00\ud83d"`)],
  ['two escaped halves that something parts', withPayload(String.raw`"\ud83d\n\ude00"`)],
  ['half a surrogate pair in a key of its payload', withPayload(String.raw`{"\uDE00":1}`)],
  ['a payload that is no JSON', withPayload('{"a":')],
  ['a payload that is empty', withPayload('')],
  ['a payload of three megabytes', withPayload(`"${'x'.repeat(3_145_728)}"`)],
  ['a NUL in a tag', (world) => badSubmission(world, { tags: ['a', nul] })],
  ['a NUL in its result', withResult(String.raw`["\u0000"]`)],
  ['half a surrogate pair in its result', withResult(`"${half}"`)],
  ['a NUL in its error message', withError({ message: `a${nul}` })],
  ['half a surrogate pair in its error message', withError({ message: `${half}a` })],
  ['half a surrogate pair in the name of its error', withError({ name: half })],
  ['a NUL in the stack of its error', withError({ stack: nul })],
  ['a NUL in what its error came from', withError({ causes: [{ name: 'Error', message: nul }] })],
  ['a NUL in its reason', withContext({ reason: `because${nul}` })],
  ['half a surrogate pair in its reason', withContext({ reason: half })],
  ['half a surrogate pair in its actor', withContext({ actor: `${half}${half}` })],
]

export const describeUnstorable = (world: () => EventStoreWorld): void => {
  describe('an append that can never be stored', () => {
    const makeNeighbours = async (count: number): Promise<readonly Append[]> => {
      const submission = makeSubmission()
      await world().routes.learn([submission])
      return range(count).map(() => makeAppend(noTask, submit(submission)))
    }

    it.each(bad)('fails alone among fifty: %s', async (_, makeBad) => {
      const { store } = world()
      const culprit = await makeBad(world())
      const before = await makeNeighbours(25)
      const behind = await makeNeighbours(25)
      const ownBefore = (await store.loadStream(culprit.taskId)).events
      const outcomes = await Promise.allSettled([...before, culprit, ...behind].map((append) => store.append(append)))
      const [failure] = outcomes.splice(25, 1)
      expect(failure?.status === 'rejected' && failure.reason).toBeInstanceOf(UnstorableAppendError)
      expect(outcomes.filter((outcome) => outcome.status !== 'fulfilled' || outcome.value.kind !== 'appended')).toEqual(
        [],
      )
      expect((await store.loadStream(culprit.taskId)).events).toEqual(ownBefore)
      await expectHeadsToEqualFolds(
        world(),
        [...before, culprit, ...behind].map((append) => append.taskId),
      )
    })

    it('leaves its stream open for one that can', async () => {
      const { store } = world()
      const pending = await submitTo(world())
      const running = await appendCommand(store, pending, start(pending))
      await expect(store.append(makeAppend(running, succeed(running, half)))).rejects.toThrow(UnstorableAppendError)
      expect((await appendCommand(store, running, succeed(running, '"whole"'))).version).toBe(3)
    })
  })
}
