import { type AbortCause, type AbortReason, defineTask, type StandardSchema, type TaskDefinition } from 'taskfold'
import { z } from 'zod'

/**
 * What the compiler must accept and refuse where tasks are defined. `npx tsc -p .` is the test: a line that should be an
 * error and is none makes its `@ts-expect-error` an error.
 */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const accept = <T extends true>(): T | undefined => undefined

type PayloadOf<Task> = Task extends TaskDefinition<infer Payload, unknown> ? Payload : never
type ResultOf<Task> = Task extends TaskDefinition<unknown, infer Result> ? Result : never

/** The handler is given the output of the schema; a submission carries its input. */
export const report = defineTask({
  type: 'report',
  input: z.object({ days: z.string().transform(Number), copies: z.int().default(1) }),
  run: (input, context) => {
    accept<Same<typeof input, { days: number; copies: number }>>()
    accept<Same<typeof context.attempt, number>>()
    accept<Same<typeof context.signal, AbortSignal>>()
    context.log.info({ days: input.days }, 'report begun')
    return { pages: input.days }
  },
})
accept<Same<PayloadOf<typeof report>, { days: string; copies?: number | undefined }>>()
accept<Same<ResultOf<typeof report>, { pages: number }>>()

/** The result of an asynchronous handler is what it resolves to. */
export const later = defineTask({ type: 'later', input: z.string(), run: (text) => Promise.resolve(text.length) })
accept<Same<PayloadOf<typeof later>, string>>()
accept<Same<ResultOf<typeof later>, number>>()
accept<Same<ReturnType<typeof later.run>, Promise<number>>>()

/** Without a schema the payload is unknown. */
export const anything = defineTask({
  type: 'anything',
  run: (payload) => {
    accept<Same<typeof payload, unknown>>()
    return payload
  },
})

/** A schema of any library, or of none. */
declare const handMade: StandardSchema<{ readonly at: string }, Date>
export const dated = defineTask({ type: 'dated', input: handMade, run: (date) => date.getTime() })
accept<Same<PayloadOf<typeof dated>, { readonly at: string }>>()

/** Definitions of different tasks go into one list. */
export const tasks: readonly TaskDefinition[] = [anything]
export const anyTasks: readonly { readonly type: string }[] = [report, later, dated]

/** A function that takes a definition has the types of its payload and its result. */
declare const submit: <Payload, Result>(task: TaskDefinition<Payload, Result>, payload: Payload) => Promise<Result>
export const submitted = submit(report, { days: '7' })
accept<Same<typeof submitted, Promise<{ pages: number }>>>()
// @ts-expect-error a submission carries text
void submit(report, { days: 7 })

declare const reason: AbortReason
accept<Same<typeof reason.cause, AbortCause>>()

// @ts-expect-error `type` is missing
defineTask({ run: () => 1 })
// @ts-expect-error `run` is missing
defineTask({ type: 'a' })
// @ts-expect-error there is no such member
defineTask({ type: 'a', maxAttemps: 3, run: () => 1 })
// @ts-expect-error a number is no schema
defineTask({ type: 'a', input: 3, run: () => 1 })
// @ts-expect-error the schema gives a string
defineTask({ type: 'a', input: z.string(), run: (input: number) => input })
// @ts-expect-error without a schema the payload is not known to be a string
defineTask({ type: 'a', run: (input: string) => input })
// @ts-expect-error the schema has no such member
defineTask({ type: 'a', input: z.object({ to: z.string() }), run: (input) => input.from })
// @ts-expect-error there is no such strategy
defineTask({ type: 'a', retry: { strategy: 'linear' }, run: () => 1 })
// @ts-expect-error the context has no such member
defineTask({ type: 'a', run: (_input, context) => context.nothing })
