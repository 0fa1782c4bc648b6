import fc from 'fast-check'
import type { TaskCommand } from '#domain/task/commands.ts'
import type { FailureCause, Submission } from '#domain/task/events.ts'
import type { TaskState } from '#domain/task/state.ts'
import type { Due, Instant } from '#domain/time.ts'
import { anyChance, anyDue, anySubmission } from './arbitraries.ts'
import { error, incarnation, otherIncarnation } from './task-facts.ts'

/** One try. Plain data that becomes a command in the state it meets, so that programs print and shrink well. */
export type Intent = Timed &
  (
    | { readonly kind: 'Submit'; readonly submission: Submission; readonly due: Due }
    | { readonly kind: 'Start' | 'RunNow' | 'Cancel' | 'Reopen' }
    | { readonly kind: 'Succeed' | 'Release' | 'DeclareLost'; readonly runOffset: number }
    | {
        readonly kind: 'Fail'
        readonly runOffset: number
        readonly cause: Exclude<FailureCause, 'worker-lost'>
        readonly ending: 'thrown' | 'cut-off'
        readonly retryAfterMs: number | undefined
        readonly random: number
      }
  )

/** How far the clock moved since the last try; negative when it was set back. */
interface Timed {
  readonly elapsedMs: number
}

const elapsedMs = fc.oneof(
  { weight: 6, arbitrary: fc.nat(5_000) },
  { weight: 2, arbitrary: fc.constant(0) },
  { weight: 2, arbitrary: fc.integer({ min: -60_000, max: -1 }) },
  { weight: 2, arbitrary: fc.constantFrom(700_000_000, 316_000_000_000) },
)

/** Zero names the run in force; any other offset a run that was replaced or never began. */
const runOffset = fc.oneof(
  { weight: 8, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.constantFrom(-5, -3, -2, -1, 1, 2) },
)

const cause = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('handler-error' as const, 'timeout' as const, 'crash' as const) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      'permanent-error' as const,
      'payload-invalid' as const,
      'effect-in-doubt' as const,
      'effect-changed' as const,
    ),
  },
)

const submitting: fc.Arbitrary<Intent> = fc.record({
  kind: fc.constant('Submit' as const),
  elapsedMs,
  submission: anySubmission,
  due: anyDue,
})

const failing: fc.Arbitrary<Intent> = fc.record({
  kind: fc.constant('Fail' as const),
  elapsedMs,
  runOffset,
  cause,
  ending: fc.constantFrom('thrown' as const, 'cut-off' as const),
  retryAfterMs: fc.option(fc.nat(10_000), { nil: undefined, freq: 4 }),
  random: anyChance,
})

const anyIntent: fc.Arbitrary<Intent> = fc.oneof(
  { weight: 1, arbitrary: submitting },
  { weight: 10, arbitrary: fc.record({ kind: fc.constant('Start' as const), elapsedMs }) },
  { weight: 7, arbitrary: failing },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constantFrom('Release' as const, 'DeclareLost' as const), elapsedMs, runOffset }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('Succeed' as const), elapsedMs, runOffset }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom('RunNow' as const, 'Cancel' as const, 'Reopen' as const, 'Reopen' as const),
      elapsedMs,
    }),
  },
)

/** Up to sixty tries in any order after a submission; in every tenth program up to two before it. */
export const anyProgram: fc.Arbitrary<readonly Intent[]> = fc
  .tuple(
    fc.oneof(
      { weight: 9, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.array(anyIntent, { maxLength: 2 }) },
    ),
    submitting,
    fc.array(anyIntent, { maxLength: 60, size: 'max' }),
  )
  .map(([before, submission, rest]) => [...before, submission, ...rest])

/** The command that `intent` comes to when it meets the task in `state` at `now`. */
export const toCommand = (intent: Intent, state: TaskState, now: Instant): TaskCommand => {
  switch (intent.kind) {
    case 'Submit':
      return { type: 'Submit', submission: intent.submission, due: intent.due }
    case 'Start':
      return { type: 'Start', incarnation: state.version % 2 === 0 ? incarnation : otherIncarnation, now }
    case 'RunNow':
      return { type: 'RunNow', now }
    case 'Cancel':
    case 'Reopen':
      return { type: intent.kind }
    case 'Succeed':
      return { type: 'Succeed', run: runOf(state, intent.runOffset), result: '42' }
    case 'Release':
      return { type: 'Release', run: runOf(state, intent.runOffset) }
    case 'DeclareLost':
      return { type: 'DeclareLost', run: runOf(state, intent.runOffset), incarnation, worker: 'silent' }
    case 'Fail': {
      const { cause: why, ending, random, retryAfterMs } = intent
      const run = runOf(state, intent.runOffset)
      return {
        type: 'Fail',
        run,
        cause: why,
        ending,
        random,
        error,
        ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      }
    }
  }
}

const runOf = (state: TaskState, offset: number): number =>
  (state.status === 'PROCESSING' ? state.run : state.version) + offset
