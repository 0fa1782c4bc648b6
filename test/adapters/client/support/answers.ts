/** A task as the server would answer it. */
export const taskOf = (given: Readonly<Record<string, unknown>> = {}) => ({
  id: '019b76da-a800-7000-8000-000000000001',
  type: 'a',
  queue: 'default',
  status: 'PENDING',
  detail: 'ready',
  priority: 0,
  attempt: 0,
  maxAttempts: 5,
  timeoutMs: 60_000,
  payload: null,
  result: null,
  error: null,
  progress: null,
  runAt: '2026-01-01T00:00:00.000Z',
  submittedAt: '2026-01-01T00:00:00.000Z',
  startedAt: null,
  finishedAt: null,
  tags: [],
  version: 1,
  ...given,
})

/** An event of the feed with that cursor. */
export const feedEventOf = (cursor: string) => ({
  cursor,
  taskId: '019b76da-a800-7000-8000-000000000001',
  version: 1,
  type: 'Submitted',
  data: {},
  recordedAt: '2026-01-01T00:00:00.000Z',
  actor: null,
  reason: null,
  traceId: null,
})

/** The same as a message of the stream. */
export const messageOf = (cursor: string): string => `id: ${cursor}\ndata: ${JSON.stringify(feedEventOf(cursor))}\n\n`
