import { post, type ShownTask } from './http.ts'

/** Somebody who submits all the time. */
export interface Load {
  /** The ids of the tasks that were taken. */
  readonly acknowledged: readonly string[]
  readonly refusals: readonly { readonly status: number; readonly tookMs: number }[]
  /** Resolves when the last answer is there. */
  stop(): Promise<void>
}

interface Options {
  readonly submission?: (index: number) => Readonly<Record<string, unknown>>
  readonly inFlight?: number
  /** Between two submissions of the same line; none unless said otherwise. */
  readonly pauseMs?: number
}

const echo = () => ({ type: 'demo.echo', payload: null })

/** Submits one task after the other, in some lines at once, until it is told to stop. */
export const keepSubmitting = (url: string, { submission = echo, inFlight = 4, pauseMs = 0 }: Options = {}): Load => {
  const acknowledged: string[] = []
  const refusals: { readonly status: number; readonly tookMs: number }[] = []
  let state: 'going' | 'stopped' = 'going'
  let next = 0
  const submitOn = async (): Promise<void> => {
    while (state === 'going') {
      const answer = await post<ShownTask>(url, '/api/tasks', submission(next++))
      if (answer.status === 202) acknowledged.push(answer.body.id)
      else refusals.push({ status: answer.status, tookMs: answer.tookMs })
      if (pauseMs > 0) await pause(pauseMs)
    }
  }
  const ended = Promise.all(Array.from({ length: inFlight }, submitOn))
  return {
    acknowledged,
    refusals,
    stop: async () => {
      state = 'stopped'
      await ended
    },
  }
}

/** Lets that much time go by: where what matters is how long something is away. */
export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
