/** A task as the interface shows it, as far as scenarios look at it. */
export interface ShownTask {
  readonly id: string
  readonly status: string
  readonly detail: string
  readonly attempt: number
  readonly version: number
  readonly result: unknown
  readonly runAt: string
  readonly startedAt: string | null
}

export interface ShownEvent {
  readonly version: number
  readonly type: string
  readonly data: Readonly<Record<string, unknown>>
  readonly recordedAt: string
}

export interface Answer<Body> {
  readonly status: number
  readonly body: Body
  readonly tookMs: number
}

const deadlineMs = 10_000

/** One request to the interface, with a deadline. Throws when there is no answer. */
export const request = async <Body>(url: string, path: string, init: RequestInit = {}): Promise<Answer<Body>> => {
  const sentAtMs = performance.now()
  const response = await fetch(`${url}${path}`, { signal: AbortSignal.timeout(deadlineMs), ...init })
  const body: Body = JSON.parse(await response.text())
  return { status: response.status, body, tookMs: performance.now() - sentAtMs }
}

export const post = <Body>(url: string, path: string, body: unknown): Promise<Answer<Body>> =>
  request<Body>(url, path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })

/** Submits a task; throws unless it was taken. */
export const submit = async (url: string, submission: Readonly<Record<string, unknown>>): Promise<ShownTask> => {
  const { status, body } = await post<ShownTask>(url, '/api/tasks', submission)
  if (status !== 202) throw new Error(`a submission was answered ${status}: ${JSON.stringify(body)}`)
  return body
}

/** Submits so many tasks, some at a time; throws unless all were taken. */
export const submitMany = async (
  url: string,
  count: number,
  toSubmission: (index: number) => Readonly<Record<string, unknown>>,
  inFlight = 64,
): Promise<readonly ShownTask[]> => {
  const tasks: ShownTask[] = []
  let next = 0
  const submitNext = async (): Promise<void> => {
    while (next < count) {
      const index = next
      next += 1
      tasks[index] = await submit(url, toSubmission(index))
    }
  }
  await Promise.all(Array.from({ length: inFlight }, submitNext))
  return tasks
}

export const find = async (url: string, id: string): Promise<ShownTask> =>
  (await request<ShownTask>(url, `/api/tasks/${id}`)).body

export const history = async (url: string, id: string): Promise<readonly ShownEvent[]> =>
  (await request<{ readonly items: readonly ShownEvent[] }>(url, `/api/tasks/${id}/events`)).body.items

const pollMs = 50

/** Asks again and again until `read` finds what it looks for. Throws when the time is over. */
export const until = async <Found>(
  what: string,
  read: () => Promise<Found | undefined>,
  withinMs = 30_000,
): Promise<Found> => {
  for (const endsAtMs = performance.now() + withinMs; performance.now() < endsAtMs;) {
    const found = await read().catch(() => undefined)
    if (found !== undefined) return found
    await new Promise((resolve) => {
      setTimeout(resolve, pollMs)
    })
  }
  throw new Error(`${what} did not come within ${withinMs} ms`)
}

/** Resolves with the task once it has `status`. */
export const untilStatus = (url: string, id: string, status: string, withinMs?: number): Promise<ShownTask> =>
  until(
    `task ${id} as ${status}`,
    async () => {
      const task = await find(url, id)
      return task.status === status ? task : undefined
    },
    withinMs,
  )
