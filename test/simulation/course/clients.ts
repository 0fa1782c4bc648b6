import { SubmitUnknownError, type SubmitRequest } from '#application/commands/submit-task.ts'
import type { PersonRequest } from '#application/commands/person-commands.ts'
import type { TaskOperations } from '#application/task-operations.ts'
import type { TaskId } from '#domain/identifiers.ts'
import type { Node } from '../node/node.ts'
import type { Settlement } from '#application/ports/ledger/idempotency-ledger.ts'
import { placeOf, short } from '../judge/judge.ts'
import type { Course } from './course.ts'
import { createSequence, type PlannedTask } from './plan.ts'

/** Those who ask the API for something, and remember what they were answered. */
export interface Clients {
  /** Makes every planned request at its time. */
  begin(): void
  /** Whether every request has an answer, or was given up. */
  areDone(): boolean
  acknowledged(): readonly TaskId[]
  /** Somebody cancels, retries or hurries a task, or reads it. */
  meddle(): void
}

const patienceMs = 5_000
const triesMax = 8
const pauseMs = 400
const latencyMs = 2

export const createClients = (course: Course, apis: () => readonly Node[]): Clients => {
  const { world, database, outside } = course
  const { scheduler, plan } = world
  const random = createSequence(plan.seed, 'clients')
  const acknowledged: TaskId[] = []
  let waiting = plan.tasks.length

  /** Asks one of the API processes. The answer may get lost, and the process may be dead. */
  const ask = <Answer>(
    work: (operations: TaskOperations) => Promise<Answer>,
    onAnswer: (answer: PromiseSettledResult<Answer> | 'none') => void,
  ): void => {
    const serving = apis().filter(({ host }) => host.state !== 'dead')
    const node = serving[Math.floor(random() * serving.length)]
    let state: 'waiting' | 'answered' = 'waiting'
    const settle = (answer: PromiseSettledResult<Answer> | 'none'): void => {
      if (state === 'answered') return
      state = 'answered'
      onAnswer(answer)
    }
    scheduler.after(patienceMs, undefined, 'patience', () => settle('none'))
    if (node?.operations === undefined) return
    const { host, operations } = node
    scheduler.after(random() * latencyMs, host, 'request', () => {
      void Promise.allSettled([work(operations)]).then(([answer]) => {
        if (world.strikes('reply-lost', 0.1)) return world.met('reply-lost', ['query'])
        scheduler.after(random() * latencyMs, undefined, 'response', () => settle(answer))
      })
    })
  }

  const submit = (planned: PlannedTask, index: number, tries: number): void => {
    const giveUp = (): void => {
      waiting -= 1
    }
    const again = (): void => {
      if (tries === triesMax) return giveUp()
      scheduler.after(pauseMs, undefined, 'again', () => submit(planned, index, tries + 1))
    }
    const request = toRequest(planned, index, database.storeClock.now())
    ask(
      (operations) => operations.submit(request, {}),
      (answer) => {
        if (answer === 'none') return request.key === undefined ? giveUp() : again()
        if (answer.status === 'rejected') {
          const isKnown = !(answer.reason instanceof SubmitUnknownError)
          return isKnown || request.key !== undefined ? again() : giveUp()
        }
        waiting -= 1
        const { task, kind } = answer.value
        acknowledged.push(task.taskId)
        world.tell('client', () => `task ${index} is ${short(task.taskId)} (${kind})`)
      },
    )
  }

  const commands = {
    cancel: (operations: TaskOperations, request: PersonRequest) => operations.cancel(request),
    retry: (operations: TaskOperations, request: PersonRequest) => operations.retry(request),
    hurry: (operations: TaskOperations, request: PersonRequest) => operations.runNow(request),
    explain: async (operations: TaskOperations, { taskId }: PersonRequest) => void (await operations.explain(taskId)),
    list: async (operations: TaskOperations, { taskId }: PersonRequest) => {
      await operations.listEffects(taskId)
      await operations.list({}, 10, undefined)
    },
    settle: async (operations: TaskOperations, request: PersonRequest) => {
      const { taskId } = request
      for (const { name, state } of (await operations.listEffects(taskId)) ?? []) {
        const found = outside.look(placeOf(taskId, name))
        if (state !== 'in-doubt' || found.outcome === 'unknown') continue
        const outcome: Settlement['outcome'] =
          found.outcome === 'done' ? { kind: 'completed', result: JSON.stringify(found.result) } : { kind: 'not-done' }
        const verdict = await operations.settleEffect({ taskId, name, outcome, by: 'a person', reason: undefined })
        world.tell('a person', () => `settles ${name} of ${short(taskId)} as ${outcome.kind}: ${verdict.kind}`)
      }
      await operations.retry(request)
    },
  } as const
  const kinds = ['cancel', 'cancel', 'retry', 'retry', 'hurry', 'explain', 'list', 'settle', 'settle'] as const

  return {
    begin: () => {
      for (const [index, planned] of plan.tasks.entries()) {
        scheduler.after(planned.atMs, undefined, 'submit', () => submit(planned, index, 1))
      }
    },
    areDone: () => waiting === 0,
    acknowledged: () => acknowledged,
    meddle: () => {
      const taskId = acknowledged[Math.floor(random() * acknowledged.length)]
      const kind = kinds[Math.floor(random() * kinds.length)] ?? 'cancel'
      if (taskId === undefined) return
      world.tell('a person', () => `asks to ${kind} ${short(taskId)}`)
      ask(
        async (operations) => commands[kind](operations, { taskId, context: { actor: 'a person' } }),
        () => {},
      )
    },
  }
}

const toRequest = (planned: PlannedTask, index: number, now: number): SubmitRequest => {
  const { type, queue, key, priority, maxAttempts, timeoutMs, retryBaseMs } = planned
  return {
    type,
    queue,
    payload: JSON.stringify({ task: index }),
    priority,
    maxAttempts,
    timeoutMs,
    due:
      planned.due === 'at-instant'
        ? { runAt: now + planned.dueMs }
        : { delayMs: planned.due === 'now' ? 0 : planned.dueMs },
    retry: { baseMs: retryBaseMs, maxMs: 4_000 },
    ...(key !== undefined && { key: { scope: '', key, fingerprint: index.toString(16).padStart(64, '0') } }),
  }
}
