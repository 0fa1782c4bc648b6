import type { Host } from './host.ts'
import type { Step } from './steps.ts'
import type { World } from './world.ts'

/** Something outside a process that answers calls. */
export interface Server {
  readonly name: 'database' | 'queue' | 'outside'
  /** `refusing`: connections are refused at once. `silent`: nothing is answered. */
  state: 'up' | 'refusing' | 'silent'
}

/** Why a call failed without an answer: the server took no connection, or nobody knows what became of it. */
export type Loss = 'refused' | 'unanswered'

interface Call<Answer> {
  readonly host: Host
  readonly server: Server
  readonly steps: readonly Step[]
  /** Done by the server when the request arrives. What it throws, the caller is thrown. */
  readonly serve: () => Promise<Answer>
  /** Called when it is certain that the request will never be served. */
  readonly onLost?: () => void
  /** After so long the caller has no answer. */
  readonly deadlineMs: number
  readonly toError: (loss: Loss) => Error
}

/** Requests and replies between processes and servers, each an event of its own. */
export interface Network {
  call<Answer>(call: Call<Answer>): Promise<Answer>
}

/** Calls of these steps decide about tasks and are few among the polls: faults look for them. */
const rareSteps: ReadonlySet<Step> = new Set<Step>([
  'submit',
  'change',
  'start',
  'finish',
  'release',
  'claim',
  'complete',
  'effect',
  'recover',
  'hurry',
  'repair',
  'register',
])
const rareness = 12

const chances = { lost: 0.008, delayed: 0.02 }
const delayedMs = 6_000
const latencyMs = { least: 0.2, most: 3 }

export const createNetwork = (world: World): Network => {
  const { scheduler, random } = world

  const latency = (host: Host, steps: readonly Step[]): number => {
    const ms = latencyMs.least + random() * (latencyMs.most - latencyMs.least)
    if (!world.strikes('delay', chances.delayed * weightOf(steps))) return ms
    world.met('delay', around(host, steps))
    return ms + world.chance('delay') ** 3 * delayedMs
  }

  const findLoss = (host: Host, steps: readonly Step[]): 'request' | 'reply' | undefined => {
    const chance = chances.lost * weightOf(steps)
    for (const [kind, lost] of [
      ['request-lost', 'request'],
      ['reply-lost', 'reply'],
    ] as const) {
      if (!world.strikes(kind, chance)) continue
      world.met(kind, around(host, steps))
      return lost
    }
    return undefined
  }

  return {
    call: ({ host, server, steps, serve, onLost, deadlineMs, toError }) =>
      new Promise((resolve, reject) => {
        if (host.state === 'dead') return
        const sentAtMs = scheduler.nowMs()
        const ends = steps.map((step) => world.begin(host, step))
        const label = steps[0] ?? 'call'
        const end = (settle: () => void) => (): void => {
          for (const ended of ends) ended()
          settle()
        }
        const fail = (delayMs: number, loss: Loss): void =>
          void scheduler.after(
            delayMs,
            host,
            label,
            end(() => reject(toError(loss))),
          )
        if (host.release === 'old') world.met('old-nodes', around(host, steps))
        const loss = findLoss(host, steps)
        // A connection that breaks shows at once, or only by the deadline.
        const failsAfterMs = loss !== undefined && random() < 0.5 ? 5 + random() * 50 : deadlineMs
        if (loss === 'request') {
          onLost?.()
          return fail(failsAfterMs, random() < 0.5 ? 'refused' : 'unanswered')
        }

        const reply = (settle: () => void): void => {
          if (loss === 'reply') return fail(sentAtMs + failsAfterMs - scheduler.nowMs(), 'unanswered')
          const delayMs = latency(host, steps)
          const leftMs = sentAtMs + deadlineMs - scheduler.nowMs()
          if (delayMs > leftMs) return fail(leftMs, 'unanswered')
          scheduler.after(delayMs, host, label, end(settle))
        }
        const arrive = (): void => {
          if (server.state !== 'up') onLost?.()
          if (server.state === 'refusing') return fail(1, 'refused')
          if (server.state === 'silent') return fail(sentAtMs + deadlineMs - scheduler.nowMs(), 'unanswered')
          serve().then(
            (answer) => reply(() => resolve(answer)),
            (error: unknown) => reply(() => reject(error)),
          )
        }
        scheduler.after(latency(host, steps), undefined, label, arrive)
      }),
  }
}

const weightOf = (steps: readonly Step[]): number => (steps.some((step) => rareSteps.has(step)) ? rareness : 1)

/** The steps of a call, and what goes on in its process without calling anybody. */
const around = ({ underWay }: Host, steps: readonly Step[]): readonly Step[] => {
  const isUnderWay = (step: Step): boolean => (underWay.get(step) ?? 0) > 0
  return [...steps, ...(['run', 'drain'] as const).filter(isUnderWay)]
}
