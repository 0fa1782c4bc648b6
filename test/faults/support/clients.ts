import { setTimeout as sleep } from 'node:timers/promises'
import { post, request, type ShownTask } from '../../scenarios/support/http.ts'
import type { Dice } from './dice.ts'

/** A task whose submission was answered with 202. */
export interface Acknowledged {
  readonly token: string
  readonly taskId: string
  readonly atMs: number
}

/** What a caller was told of a task. */
export interface Told {
  readonly taskId: string
  readonly version: number
  readonly status: string
  readonly atMs: number
}

/** Callers that submit, repeat what was not answered, and give commands; each answer is kept. */
export interface Clients {
  readonly acknowledged: readonly Acknowledged[]
  /** Each answer that showed a task. */
  readonly told: readonly Told[]
  /** What no caller should ever meet: an answer that is neither a success nor says to try again, or none for minutes. */
  readonly wrongAnswers: readonly string[]
  /** Answers by status; 0 stands for none. */
  readonly statuses: ReadonlyMap<number, number>
  /** Submits one task more, as any caller does. */
  submit(type: string, ms: number): void
  /** Lets each caller finish what it began: all that was submitted is acknowledged when it resolves, or among `wrongAnswers`. */
  stop(): Promise<void>
}

interface Options {
  readonly urls: readonly string[]
  readonly callers: number
  /** Between two submissions of a caller. */
  readonly pauseMs: number
  readonly dice: Dice
}

const types = [
  'campaign.quick',
  'campaign.quick',
  'campaign.quick',
  'campaign.slow',
  'campaign.careful',
  'campaign.asking',
  'campaign.flaky',
  'campaign.busy',
]
const commands = ['cancel', 'retry', 'run-now']
const commandShare = 0.2
/** Of the last so many tasks one is chosen: few, so that the command meets its start or its end. */
const recentTasksMax = 8
/** A command that comes too late or too early. */
const refusals = new Set([404, 409])
const repeatDelayMs = 200
/** Longer than any fault and its recovery together: whoever is not answered by then counts as refused. */
const acknowledgedMsMax = 300_000

export const startClients = ({ urls, callers, pauseMs, dice }: Options): Clients => {
  const acknowledged: Acknowledged[] = []
  const told: Told[] = []
  const extra: Promise<void>[] = []
  const wrongAnswers: string[] = []
  const statuses = new Map<number, number>()
  let state: 'going' | 'stopped' = 'going'

  const hear = ({ id, version, status }: ShownTask): void =>
    void told.push({ taskId: id, version, status, atMs: performance.now() })

  const note = (status: number): void => void statuses.set(status, (statuses.get(status) ?? 0) + 1)

  /** Sends one submission until it is acknowledged, now to this API and now to that one, always under its key. */
  const submit = async (token: string, submission: Readonly<Record<string, unknown>>): Promise<void> => {
    for (const endsAtMs = performance.now() + acknowledgedMsMax; performance.now() < endsAtMs;) {
      const answer = await sendSubmission(dice.pick(urls), token, submission)
      note(answer?.status ?? 0)
      if (answer?.status === 202) {
        acknowledged.push({ token, taskId: answer.body.id, atMs: performance.now() })
        hear(answer.body)
        return
      }
      if (answer !== undefined && answer.status !== 503 && answer.status !== 429) {
        wrongAnswers.push(`a submission: ${answer.status} ${JSON.stringify(answer.body)}`)
        return
      }
      await sleep(repeatDelayMs)
    }
    wrongAnswers.push(`${token} was not acknowledged within ${acknowledgedMsMax / 1_000} s`)
  }

  const command = async (): Promise<void> => {
    const task = acknowledged.at(-dice.between(1, recentTasksMax))
    if (task === undefined) return
    const word = dice.pick(commands)
    const answer = await post<ShownTask>(dice.pick(urls), `/api/tasks/${task.taskId}/${word}`, {}).catch(
      () => undefined,
    )
    note(answer?.status ?? 0)
    if (answer !== undefined && answer.status < 300) hear(answer.body)
    if (answer === undefined || answer.status < 300 || answer.status === 503 || refusals.has(answer.status)) return
    wrongAnswers.push(`${word}: ${answer.status} ${JSON.stringify(answer.body)}`)
  }

  const call = async (caller: number): Promise<void> => {
    for (let count = 0; state === 'going'; count += 1) {
      const token = `${caller}-${count}`
      await submit(token, {
        type: dice.pick(types),
        queue: dice.pick(['default', 'default', 'reports', `queue-${dice.between(1, 40)}`]),
        priority: dice.between(-1, 1),
        ...(dice.next() < 0.2 && { delayMs: dice.between(1, 3_000) }),
        payload: { token, ms: dice.between(1, 400) },
      })
      if (dice.next() < commandShare) await command()
      await sleep(pauseMs)
    }
  }

  const ended = Promise.all(Array.from({ length: callers }, (_, caller) => call(caller)))
  return {
    acknowledged,
    told,
    wrongAnswers,
    statuses,
    submit: (type, ms) => {
      const token = `extra-${extra.length}`
      extra.push(submit(token, { type, payload: { token, ms } }))
    },
    stop: async () => {
      state = 'stopped'
      await ended
      await Promise.all(extra)
    },
  }
}

const sendSubmission = (url: string, token: string, submission: Readonly<Record<string, unknown>>) =>
  request<ShownTask>(url, '/api/tasks', {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': token },
    body: JSON.stringify(submission),
  }).catch(() => undefined)
