import {
  createClient,
  defineTask,
  type Effect,
  type EndedTask,
  type Stored,
  submission,
  type Task,
  type TaskReference,
  type TaskSummary,
} from 'taskfold'
import { z } from 'zod'

/** What the compiler must accept and refuse where tasks are submitted; see define-task.ts for how this is a test. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const accept = <T extends true>(): T | undefined => undefined

const client = createClient({ url: 'http://127.0.0.1:3000', deadlineMs: 1_000 })

const report = defineTask({
  type: 'report',
  input: z.object({ days: z.string().transform(Number) }),
  run: (input) => ({ pages: input.days, at: new Date(0), note: undefined }),
})
const silent = defineTask({ type: 'silent', input: z.null(), run: () => {} })
type ReportPayload = { days: string }
type ReportResult = { readonly pages: number; readonly at: string; readonly note: undefined }

/** By a definition: its payload, and its result as JSON keeps it. */
export const use = async (): Promise<void> => {
  const task = await client.submit(report, { days: '7' }, { priority: 3, runAt: new Date(0) })
  accept<Same<typeof task, Task<ReportPayload, ReportResult>>>()
  accept<Same<typeof task.result, ReportResult | null>>()

  const ended = await client.waitForEnd(task, { timeoutMs: 5 })
  accept<Same<typeof ended, EndedTask<ReportPayload, ReportResult>>>()
  if (ended.status === 'SUCCESS') accept<Same<typeof ended.result, ReportResult>>()
  else accept<Same<typeof ended.result, null>>()

  const found = await client.get(task.id)
  accept<Same<typeof found, Task>>()
  accept<Same<Awaited<ReturnType<typeof again>>, Task<ReportPayload, ReportResult>>>()
  const again = () => client.retry(task, { reason: 'repaired', ifVersion: task.version })

  const named = await client.submit('report', { anything: [1] })
  accept<Same<typeof named, Task>>()
  for await (const summary of client.list({ status: 'FAILED', submittedAfter: new Date(0) })) {
    accept<Same<typeof summary, TaskSummary>>()
    await client.cancel(summary)
  }

  const [first, second] = await client.submitBatch([submission(report, { days: '7' }), submission('other', 1)])
  accept<Same<typeof first.task, Task<ReportPayload, ReportResult> | undefined>>()
  if (second.error === undefined) accept<Same<typeof second.task, Task>>()
  const many = await client.submitBatch(['1', '2'].map((days) => submission(report, { days })))
  for (const { task: one } of many) accept<Same<typeof one, Task<ReportPayload, ReportResult> | undefined>>()

  const settled = await client.settleEffect(task, 'print', { outcome: 'completed', result: 7 }, { reason: 'on paper' })
  accept<Same<typeof settled, Effect>>()
  // @ts-expect-error what was not done has no result
  await client.settleEffect(task, 'print', { outcome: 'not-done', result: 7 })

  // @ts-expect-error the payload carries text
  await client.submit(report, { days: 7 })
  // @ts-expect-error the payload is missing
  await client.submit(report)
  // @ts-expect-error there is no such option
  await client.submit(report, { days: '7' }, { prio: 1 })
  // @ts-expect-error the payload of a batch is judged as well
  submission(report, { days: 7 })
  // @ts-expect-error an item is made by `submission`
  await client.submitBatch([{ type: 'report' }])
  // @ts-expect-error there is no such status
  client.list({ status: 'DONE' })
}

/** A reference is enough where the handler is not at hand. */
declare const elsewhere: TaskReference<{ readonly to: string }, number>
export const submitted = client.submit(elsewhere, { to: 'a' })
accept<Same<Awaited<typeof submitted>, Task<{ readonly to: string }, number>>>()
export const nothing = client.submit(silent, null)
accept<Same<Awaited<typeof nothing>['result'], null>>()

accept<Same<Stored<undefined>, null>>()
accept<Same<Stored<unknown>, unknown>>()
accept<Same<Stored<readonly (Date | null)[]>, readonly (string | null)[]>>()
accept<Same<Stored<{ a?: number; run(): void }>, { readonly a?: number }>>()
