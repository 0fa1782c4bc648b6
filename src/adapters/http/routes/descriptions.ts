import type { ProblemCode } from '../problems/problems.ts'

/** What any route that asks the store can meet. */
export const storeRefusals = ['store-unavailable', 'overloaded'] as const satisfies readonly ProblemCode[]

/** The headers that go into the envelopes of events. */
export const contextHeaders = {
  'X-Actor': 'Who asks, as it names itself: 1 to 255 printable characters.',
  'X-Reason': 'Why: 1 to 1,000 printable characters.',
  traceparent: 'W3C trace context; stored and continued. A malformed one is ignored.',
}

export const submissionExample = {
  type: 'email.send',
  payload: { to: 'ada@example.com', subject: 'Welcome' },
  queue: 'mail',
  priority: 10,
  delayMs: 0,
  maxAttempts: 5,
  timeoutMs: 60_000,
  retry: { strategy: 'exponential', baseMs: 1_000, maxMs: 3_600_000, jitter: 'full' },
  tags: ['welcome'],
}

/** Of two tasks the second brings a key that was used for another one. */
export const batchExample = {
  tasks: [
    { ...submissionExample, idempotencyKey: 'welcome-ada' },
    { type: 'email.send', payload: { to: 'grace@example.com' }, idempotencyKey: 'welcome-grace' },
  ],
}

/** The task that `submissionExample` makes, just stored. */
export const taskExample = {
  id: '019b76da-a800-7c3e-8f6e-2f1d9c0b5a41',
  type: 'email.send',
  queue: 'mail',
  status: 'PENDING',
  detail: 'ready',
  priority: 10,
  attempt: 0,
  maxAttempts: 5,
  timeoutMs: 60_000,
  error: null,
  progress: null,
  runAt: '2026-01-01T00:00:00.000Z',
  submittedAt: '2026-01-01T00:00:00.000Z',
  startedAt: null,
  finishedAt: null,
  tags: ['welcome'],
  version: 1,
  payload: { to: 'ada@example.com', subject: 'Welcome' },
  result: null,
}

export const batchResultsExample = {
  results: [
    { status: 202, task: taskExample },
    {
      status: 422,
      problem: {
        type: 'urn:taskfold:problem:idempotency-key-reused',
        title: 'The idempotency key was used for another request',
        status: 422,
        detail: 'Repeat the request as it was, or take a new key.',
        code: 'idempotency-key-reused',
        errors: [],
        traceId: null,
      },
    },
  ],
}

const { payload: _payload, result: _result, ...summaryExample } = taskExample

export const taskPageExample = { items: [summaryExample], nextCursor: null }

export const eventsExample = {
  items: [
    {
      version: 1,
      type: 'Submitted',
      data: submissionExample,
      recordedAt: '2026-01-01T00:00:00.000Z',
      actor: 'ada',
      reason: null,
      traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
      traceUrl: 'https://traces.example.com/trace/4bf92f3577b34da6a3ce929d0e0e4736',
      stateAfter: { status: 'PENDING', detail: 'ready', attempt: 0 },
    },
  ],
}

export const feedExample = {
  items: [
    {
      cursor: '9f86d081884c7d65.2n9c.019b76daa8007c3e8f6e2f1d9c0b5a41.1',
      taskId: taskExample.id,
      version: 1,
      type: 'Submitted',
      data: submissionExample,
      recordedAt: '2026-01-01T00:00:00.000Z',
      actor: 'ada',
      reason: null,
      traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    },
  ],
  nextCursor: '9f86d081884c7d65.2n9c.019b76daa8007c3e8f6e2f1d9c0b5a41.1',
}

export const explanationExample = {
  status: 'PENDING',
  detail: 'retrying',
  because: [{ code: 'waiting-for-retry', message: 'attempt 1 failed (handler-error): Error: connection refused' }],
  next: { what: 'ready', at: '2026-01-01T00:00:01.000Z' },
}

export const effectsExample = {
  items: [
    {
      name: 'charge',
      mode: 'idempotent',
      state: 'completed',
      attempt: 1,
      result: { charge: 'ch_1' },
      startedAt: '2026-01-01T00:00:00.000Z',
      completedAt: '2026-01-01T00:00:00.500Z',
    },
  ],
}

export const queuesExample = {
  items: [{ queue: 'mail', ready: 3, scheduled: 1, retrying: 0, running: 2, failed: 0, oldestReadyAgeMs: 120 }],
}

export const workersExample = {
  items: [
    {
      id: '3f6c1c52-8a0e-4d0b-9a6f-5b1e2f7d8c90',
      host: 'worker-1',
      pid: 4711,
      queues: ['*'],
      types: ['email.send'],
      concurrency: 50,
      running: 2,
      startedAt: '2026-01-01T00:00:00.000Z',
      lastBeatAt: '2026-01-01T00:00:03.000Z',
      state: 'live',
    },
  ],
}
