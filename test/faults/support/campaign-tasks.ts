import { setTimeout as sleep } from 'node:timers/promises'
import { defineTask } from 'taskfold'

interface Payload {
  /** What its caller knows the task by. */
  readonly token: string
  readonly ms: number
}

/** Short, so that a campaign that is over settles soon, however often its workers were lost. */
const retry = { strategy: 'fixed', baseMs: 200, jitter: 'none' } as const
/** An outside world that counts: see effect-receiver.ts. */
const receiver = process.env['CAMPAIGN_RECEIVER'] ?? ''

/** Done at once. */
export const quick = defineTask({
  type: 'campaign.quick',
  maxAttempts: 50,
  retry,
  run: async (payload) => parse(payload).token,
})

/** Takes its time, reports progress and has an effect. */
export const slow = defineTask({
  type: 'campaign.slow',
  maxAttempts: 50,
  retry,
  run: async (payload, { attempt, signal, progress, effect }) => {
    const { token, ms } = parse(payload)
    await tell('runs', { token, attempt }, signal)
    progress('begun')
    await sleep(ms, undefined, { signal })
    return effect('deliver', { mode: 'idempotent', input: { token } }, async (work) => {
      await tell('deliveries', { token, key: work.key, mode: 'idempotent' }, work.signal)
      return { delivered: work.key }
    })
  },
})

/** Has an effect at most once: where nobody knows whether it was performed, the task ends and is not repeated. */
export const careful = defineTask({
  type: 'campaign.careful',
  maxAttempts: 50,
  retry,
  run: async (payload, { attempt, signal, effect }) => {
    const { token } = parse(payload)
    await tell('runs', { token, attempt }, signal)
    return effect('send', { mode: 'once', input: { token } }, async (work) => {
      await tell('deliveries', { token, key: work.key, mode: 'once' }, work.signal)
      return { delivered: work.key }
    })
  },
})

/** Has an effect whose receiver is asked whether it was performed, after an attempt that left it open. */
export const asking = defineTask({
  type: 'campaign.asking',
  maxAttempts: 50,
  retry,
  run: async (payload, { attempt, signal, effect }) => {
    const { token } = parse(payload)
    await tell('runs', { token, attempt }, signal)
    return effect('pay', { mode: 'verify', input: { token }, verify: askReceiver }, async (work) => {
      await tell('deliveries', { token, key: work.key, mode: 'verify' }, work.signal)
      return { delivered: work.key }
    })
  },
})

/** Fails in its first attempts. */
export const flaky = defineTask({
  type: 'campaign.flaky',
  maxAttempts: 50,
  retry,
  run: async (payload, { attempt, signal }) => {
    const { token, ms } = parse(payload)
    await tell('runs', { token, attempt }, signal)
    if (attempt <= ms % 3) throw new Error(`attempt ${attempt} of ${token} was to fail`)
    return token
  },
})

/** Keeps the event loop of its process from coming round. */
export const busy = defineTask({
  type: 'campaign.busy',
  maxAttempts: 50,
  retry,
  run: async (payload) => {
    const { token, ms } = parse(payload)
    for (const endsAtMs = performance.now() + ms; performance.now() < endsAtMs;) Math.sqrt(ms)
    return token
  },
})

const parse = (payload: unknown): Payload => {
  const token: unknown = Reflect.get(Object(payload), 'token')
  const ms: unknown = Reflect.get(Object(payload), 'ms')
  if (typeof token !== 'string' || typeof ms !== 'number') throw new TypeError('token and ms')
  return { token, ms }
}

const tell = async (what: 'runs' | 'deliveries', said: Readonly<Record<string, unknown>>, signal: AbortSignal) => {
  const response = await fetch(`${receiver}/${what}`, { method: 'POST', body: JSON.stringify(said), signal })
  if (!response.ok) throw new Error(`the receiver answered ${response.status}`)
  await response.body?.cancel()
}

const askReceiver = async ({ key, signal }: { readonly key: string; readonly signal: AbortSignal }) => {
  const response = await fetch(`${receiver}/deliveries/${key}`, { signal })
  await response.body?.cancel()
  return response.ok ? ({ outcome: 'done', result: { delivered: key } } as const) : ({ outcome: 'not-done' } as const)
}
