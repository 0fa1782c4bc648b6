import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createFleet, type Fleet } from '../support/fleet.ts'
import { request, type ShownTask, until, untilStatus } from '../support/http.ts'
import { type OtlpReceiver, sendTo, startOtlpReceiver } from './support/otlp-receiver.ts'

const HANDLERS = join(import.meta.dirname, 'support/traced-tasks.ts')
/** Every secret that is planted contains it. */
const planted = 'pl4nted'

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

const secretHeaders = {
  authorization: `Bearer ${planted}-authorization`,
  cookie: `session=${planted}-cookie`,
  'user-agent': `${planted}-agent`,
  'x-reason': `${planted}-reason`,
  'x-forwarded-for': `${planted}-address`,
}

const send = (url: string, path: string, body: string): Promise<{ status: number; body: ShownTask }> =>
  request<ShownTask>(url, path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...secretHeaders },
    body,
  })

/** Where the planted secret was found, with what is around it. */
const findIn = (texts: readonly string[]): readonly string[] =>
  texts.flatMap((text) => [...text.matchAll(new RegExp(`.{0,80}${planted}.{0,40}`, 'g'))].map(([found]) => found))

describe('secrets in payloads, headers, addresses, settings and errors', () => {
  it('are in no log, trace, metric or error answer of a whole run', async () => {
    const env = {
      ...sendTo(receiver),
      HANDLERS,
      LOG_LEVEL: 'trace',
      SMTP_URL: `smtp://somebody:${planted}-smtp@127.0.0.1:9`,
      HTTP_TARGET_ALLOW: '127.0.0.1',
      OTEL_EXPORTER_OTLP_HEADERS: `authorization=${planted}-collector`,
    }
    const taskfold = await fleet.start([], env)
    const { url } = taskfold
    const failing = { type: 'traced.call', payload: { succeedsAt: 9, secret: `${planted}-payload` }, maxAttempts: 2 }
    const fails = await send(url, `/api/tasks?${planted}=1`, JSON.stringify(failing))
    expect(fails.status).toBe(422)
    const failed = await send(url, '/api/tasks', JSON.stringify(failing))
    const mail = { to: 'a@example.org', from: 'b@example.org', subject: `${planted}-subject`, text: planted }
    const mailed = await send(url, '/api/tasks', JSON.stringify({ type: 'email.send', payload: mail, maxAttempts: 1 }))
    const target = { url: `http://127.0.0.1:9/${planted}-path?token=${planted}-token`, headers: { 'x-key': planted } }
    const pushed = await send(
      url,
      '/api/tasks',
      JSON.stringify({ type: 'http.request', payload: target, maxAttempts: 1 }),
    )
    for (const { status, body } of [failed, mailed, pushed]) {
      expect(status).toBe(202)
      await untilStatus(url, body.id, 'FAILED')
    }
    const refusals = [
      await send(url, '/api/tasks', `{"type":"a","payload":"${planted}-malformed`),
      await send(url, '/api/tasks', JSON.stringify({ type: 'a', payload: planted, priority: 1e9 })),
      await send(url, `/api/tasks/${planted}/cancel`, '{}'),
    ]
    expect(refusals.map(({ status }) => status)).toEqual([400, 422, 404])
    const exposition = await (await fetch(`${url}/metrics`)).text()
    taskfold.signal('SIGTERM')
    expect(await taskfold.ended).toBe(0)

    expect(receiver.spans.filter(({ name }) => name === 'process traced.call')).toHaveLength(2)
    await until('logs and metrics at the receiver', async () =>
      receiver.metricNames.has('taskfold.tasks.submitted') &&
      receiver.bodies.some((body) => body.includes('resourceLogs'))
        ? true
        : undefined,
    )
    expect(findIn(taskfold.logs)).toEqual([])
    expect(findIn(receiver.bodies)).toEqual([])
    expect(findIn([exposition])).toEqual([])
    expect(findIn(refusals.map(({ body }) => JSON.stringify(body)))).toEqual([])
    expect(taskfold.logs.filter((line) => line.includes(failed.body.id)).length).toBeGreaterThanOrEqual(5)
  })
})
