import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createFleet, type Fleet } from '../support/fleet.ts'
import { request, type ShownTask, until, untilStatus } from '../support/http.ts'
import { type OtlpReceiver, type ReceivedSpan, sendTo, startOtlpReceiver } from './support/otlp-receiver.ts'

const HANDLERS = join(import.meta.dirname, 'support/traced-tasks.ts')
const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const clientSpanId = '00f067aa0ba902b7'

let receiver: OtlpReceiver
let fleet: Fleet

beforeEach(async () => {
  receiver = await startOtlpReceiver()
  fleet = await createFleet()
})

afterEach(async () => {
  await fleet.close()
  await receiver.close()
})

const submitTo = async (
  url: string,
  submission: Readonly<Record<string, unknown>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<ShownTask> => {
  const init = {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(submission),
  }
  return (await request<ShownTask>(url, '/api/tasks', init)).body
}

const spansOf = (id: string): readonly ReceivedSpan[] => receiver.spans.filter((span) => span.traceId === id)

const untilSpans = (name: string, count: number, id = traceId): Promise<readonly ReceivedSpan[]> =>
  until(`${count} spans ${name}`, async () => {
    const found = spansOf(id).filter((span) => span.name === name)
    return found.length >= count ? found : undefined
  })

const only = (name: string, parentSpanId: string, id = traceId): ReceivedSpan => {
  const [found, another] = spansOf(id).filter((span) => span.name === name && span.parentSpanId === parentSpanId)
  if (found === undefined || another !== undefined) throw new Error(`not one span ${name} below ${parentSpanId}`)
  return found
}

describe('a task that is submitted with a traceparent', () => {
  it('is one trace over both processes, each attempt a child of the submission and linked to the one before', async () => {
    const api = await fleet.start(['api'], sendTo(receiver))
    const worker = await fleet.start(['worker'], { ...sendTo(receiver), HANDLERS })
    const headers = { traceparent: `00-${traceId}-${clientSpanId}-01` }
    const task = await submitTo(api.url, { type: 'traced.call', payload: { succeedsAt: 3 }, queue: 'calls' }, headers)
    await untilStatus(api.url, task.id, 'SUCCESS')
    const attempts = await untilSpans('process traced.call', 3)

    const server = only('POST /api/tasks', clientSpanId)
    expect(server).toMatchObject({ kind: 2, pid: api.pid, attributes: { 'http.route': '/api/tasks' } })
    const submission = only('submit traced.call', server.spanId)
    expect(submission).toMatchObject({
      kind: 4,
      pid: api.pid,
      service: 'taskfold',
      attributes: {
        'messaging.system': 'taskfold',
        'messaging.destination.name': 'calls',
        'messaging.message.id': task.id,
        'messaging.operation.type': 'send',
      },
    })

    const byAttempt = attempts.toSorted(
      (a, b) => Number(a.attributes['taskfold.attempt']) - Number(b.attributes['taskfold.attempt']),
    )
    expect(byAttempt.map((span) => span.attributes['taskfold.outcome'])).toEqual(['retried', 'retried', 'succeeded'])
    expect(byAttempt.map((span) => span.status)).toEqual([2, 2, 0])
    for (const [index, attempt] of byAttempt.entries()) {
      expect(attempt).toMatchObject({ kind: 5, pid: worker.pid, parentSpanId: submission.spanId })
      const before = byAttempt[index - 1]
      expect(attempt.links).toEqual(before === undefined ? [] : [expect.objectContaining({ spanId: before.spanId })])
      expect(only('append Started', attempt.spanId).pid).toBe(worker.pid)
      expect(only('GET', attempt.spanId)).toMatchObject({ kind: 3, attributes: { 'http.request.method': 'GET' } })
      const isLast = index === 2
      only(isLast ? 'append Succeeded' : 'append Failed Retried', attempt.spanId)
      const exceptions = attempt.events.filter(({ name }) => name === 'exception')
      expect(exceptions.map((event) => event.attributes['exception.type'])).toEqual(isLast ? [] : ['TypeError'])
    }
  })

  it('has a span for each group commit and each push, linked to its members, with the statements below', async () => {
    const api = await fleet.start(['api'], sendTo(receiver))
    const headers = { traceparent: `00-${traceId}-${clientSpanId}-01` }
    await submitTo(api.url, { type: 'traced.call', payload: { succeedsAt: 1 } }, headers)
    const [commit] = await untilSpans('commit appends', 1)
    const [push] = await untilSpans('push hints', 1)
    const [submission] = await untilSpans('submit traced.call', 1)
    const link = expect.objectContaining({ traceId, spanId: submission?.spanId })
    expect(commit).toMatchObject({ links: [link], attributes: { 'taskfold.commit.appends': 1 } })
    expect(push).toMatchObject({ links: [link], attributes: { 'messaging.batch.message_count': 1 } })
    const statements = await until('a statement below the commit', async () => {
      const found = spansOf(traceId).filter((span) => span.parentSpanId === commit?.spanId)
      return found.length > 0 ? found : undefined
    })
    expect(statements[0]).toMatchObject({ kind: 3, attributes: { 'db.system.name': 'postgresql' } })
  })

  it('shows its trace in every event', async () => {
    const api = await fleet.start([], { ...sendTo(receiver), HANDLERS })
    const headers = { traceparent: `00-${traceId}-${clientSpanId}-01` }
    const task = await submitTo(api.url, { type: 'traced.call', payload: { succeedsAt: 2 } }, headers)
    await untilStatus(api.url, task.id, 'SUCCESS')
    const { body } = await request<{ items: readonly { type: string; traceId: string | null }[] }>(
      api.url,
      `/api/tasks/${task.id}/events`,
    )
    expect(body.items.map(({ type }) => type)).toEqual([
      'Submitted',
      'Started',
      'Failed',
      'Retried',
      'Started',
      'Succeeded',
    ])
    expect(new Set(body.items.map((event) => event.traceId))).toEqual(new Set([traceId]))
  })
})

describe('tasks without a traceparent', () => {
  it('begin a trace each, and a commit that several share belongs to none of them', async () => {
    const api = await fleet.start(['api'], sendTo(receiver))
    const count = 40
    await Promise.all(
      Array.from({ length: count }, () => submitTo(api.url, { type: 'traced.call', payload: { succeedsAt: 1 } })),
    )
    const submissions = await until('all submissions', async () => {
      const found = receiver.spans.filter((span) => span.name === 'submit traced.call')
      return found.length === count ? found : undefined
    })
    expect(new Set(submissions.map((span) => span.traceId)).size).toBe(count)
    const linked = await until('commits with links to all', async () => {
      const commits = receiver.spans.filter((span) => span.name === 'commit appends')
      const links = commits.flatMap((span) => span.links.map(({ spanId }) => spanId))
      return links.length >= count ? { commits, links } : undefined
    })
    expect(linked.links.toSorted()).toEqual(submissions.map((span) => span.spanId).toSorted())
    for (const { links, parentSpanId } of linked.commits) {
      if (links.length > 1) expect(parentSpanId ?? '').toBe('')
    }
  })
})
