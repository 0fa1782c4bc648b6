import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createFleet, type Fleet } from './support/fleet.ts'
import { until } from './support/http.ts'
import type { TaskfoldProcess } from './support/process.ts'

let fleet: Fleet
let server: TaskfoldProcess
beforeAll(async () => {
  fleet = await createFleet()
  server = await fleet.start([])
}, 60_000)
afterAll(async () => {
  await fleet.close()
})

/** Payloads as `JSON.stringify` writes them, so that they can be compared to the letter. */
const payloads = [
  'null',
  'true',
  '0',
  '""',
  '[]',
  '{}',
  '[[],{},[{}]]',
  '999999999999999',
  '-999999999999999',
  '9007199254740991',
  '123456789012345',
  '0.1',
  '1.7976931348623157e+308',
  '5e-324',
  '1e+21',
  '0.30000000000000004',
  '"😀👩‍👩‍👧‍👦🇩🇪é e\u0301 ﷽ \u202e\u200b\ufeff\u2028\u2029 𝄞"',
  String.raw`"\b\t\n\f\r\u0001\u001f\u007f\\\"/"`.replace(String.raw`\u007f`, '\u007f'),
  `"'; drop table taskfold.tasks; --"`,
  `"$1 $$ %s %% {0} \${x} {{y}} ?"`,
  '"__proto__"',
  '["__proto__","constructor","prototype","toString"]',
  '{"constructor":"prototype","toString":1,"hasOwnProperty":null,"prototype":{}}',
  '{"z":1,"a":2,"10":3,"m":{"b":1,"a":2}}'.replace('"10":3,', ''),
  '{"":"","\u0001":1}'.replace('\u0001', String.raw`\u0001`),
  '{"type":"b","payload":{"payload":null},"tags":["t"]}',
  String.raw`"{\"json\":\"in a string\"}"`,
  '"2026-01-01T00:00:00.000Z"',
  '"NaN"',
  '"<script>alert(1)</script>&amp;"',
  JSON.stringify('x'.repeat(262_142)),
  JSON.stringify('é😀'.repeat(40_000)),
  `${'['.repeat(100)}${']'.repeat(100)}`,
  `${'{"a":'.repeat(99)}{}${'}'.repeat(99)}`,
  JSON.stringify(Array.from({ length: 20_000 }, (_, index) => index * 1.5)),
]

const read = async (path: string): Promise<string> => (await fetch(`${server.url}${path}`)).text()

const submit = async (body: string, headers: Readonly<Record<string, string>> = {}) => {
  const answer = await fetch(`${server.url}/api/tasks`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
  })
  const text = await answer.text()
  expect(answer.status, text.slice(0, 500)).toBe(202)
  const { id }: { readonly id: string } = JSON.parse(text)
  return { id, text }
}

describe('a legal payload', () => {
  it.each(payloads.map((payload) => [payload.slice(0, 60), payload] as const))(
    'comes back to the letter: %s',
    { timeout: 60_000 },
    async (_name, payload) => {
      expect(JSON.stringify(JSON.parse(payload))).toBe(payload)
      const { id, text } = await submit(`{"type":"demo.echo","payload":${payload}}`)
      expect(text).toContain(`"payload":${payload},`)
      const ended = await until('its end', async () => {
        const task = await read(`/api/tasks/${id}?wait=5s`)
        return task.includes('"status":"SUCCESS"') ? task : undefined
      })
      expect(ended.endsWith(`,"payload":${payload},"result":${payload}}`)).toBe(true)
      const history = await read(`/api/tasks/${id}/events`)
      expect(history).toContain(`"payload":${payload},"priority":0`)
      expect(history).toContain(`"result":${payload}}`)
      expect(await read(`/api/tasks/${id}?asOfVersion=1`)).toContain(`"payload":${payload},"result":null}`)
    },
  )
})

describe('other members', () => {
  it('come back as they were sent', async () => {
    const tags = ['😀'.repeat(64), "'; --", '__proto__', 'constructor', '\u202e', ' ', 'a/b?c=d&e', '\t\n', '%00']
    const actor = 'Ada Łovelace 😀'
    const { id } = await submit(
      JSON.stringify({
        type: 'constructor',
        queue: 'toString',
        priority: -100,
        maxAttempts: 100,
        timeoutMs: 86_400_000,
        delayMs: 315_360_000_000,
        tags,
      }),
      { 'x-actor': Buffer.from(actor).toString('latin1'), 'x-reason': 'because', traceparent },
    )
    const task: unknown = JSON.parse(await read(`/api/tasks/${id}`))
    expect(task).toMatchObject({ type: 'constructor', queue: 'toString', priority: -100, tags, detail: 'scheduled' })
    const { items }: { readonly items: readonly unknown[] } = JSON.parse(await read(`/api/tasks/${id}/events`))
    expect(items).toMatchObject([{ actor, reason: 'because', traceId: traceparent.slice(3, 35), traceUrl: null }])
    for (const tag of tags) {
      expect(await read(`/api/tasks?type=constructor&queue=toString&tag=${encodeURIComponent(tag)}`)).toContain(id)
    }
  })
})

const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
