import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { decodeStream, encodeEvent, type EventRow } from '#adapters/postgres/events/codec.ts'
import type { Upcasters } from '#adapters/postgres/events/upcasters.ts'
import { UndecodableStreamError } from '#application/ports/events/event-store.ts'
import { parseTaskId } from '#domain/identifiers.ts'
import type { RecordedEvent, TaskEvent } from '#domain/task/events.ts'

/**
 * A row as some release wrote it, and the event it must be for ever. Named after the event and the schema version of the
 * row. These files are only ever added to.
 */
interface Golden {
  readonly name: string
  readonly row: EventRow
  readonly event: RecordedEvent
}

const folder = join(import.meta.dirname, 'golden')

const readGolden = async (): Promise<readonly Golden[]> => {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.json')).toSorted()
  return Promise.all(files.map(async (name) => ({ name, ...JSON.parse(await readFile(join(folder, name), 'utf8')) })))
}

/** The compiler sees to it that none is missing. */
const everyType: Record<TaskEvent['type'], true> = {
  Submitted: true,
  Started: true,
  Failed: true,
  Retried: true,
  Succeeded: true,
  Released: true,
  Rescheduled: true,
  CancelRequested: true,
  Cancelled: true,
}

const retried: EventRow = {
  task_id: '019b7647-2c00-7000-8000-0000000000a1',
  version: 4,
  append_id: '5f2d7a1e-3c4b-4a6d-8e9f-0a1b2c3d4e5f',
  recorded_ms: 1_767_225_600_000,
  type: 'Retried',
  data: '{"delayMs":1000,"reopened":false}',
  body: null,
  meta: null,
  incarnation: null,
  attempt: null,
  time_limit_ms: null,
}

const retriedId = parseTaskId(retried.task_id)

describe('rows that some release wrote', () => {
  let golden: readonly Golden[] = []
  beforeAll(async () => {
    golden = await readGolden()
  })

  it('are the events they were', () => {
    for (const { name, row, event } of golden)
      expect([name, decodeStream(event.taskId, [row])]).toEqual([name, [event]])
  })

  it('are written the same way today, while their version is the present one', () => {
    for (const { name, row, event } of golden.filter(({ name: file }) => file.endsWith('.v1.json'))) {
      const { type, data, body, meta, incarnation, attempt, time_limit_ms: timeLimitMs } = row
      expect([name, encodeEvent(event, event.context)]).toEqual([
        name,
        { type, data, body, meta, incarnation, attempt, timeLimitMs, bytes: expect.any(Number) },
      ])
    }
  })

  it('are there for every type of event', () => {
    expect(new Set(golden.map(({ row }) => row.type))).toEqual(new Set(Object.keys(everyType)))
  })
})

describe('a row of an older schema version', () => {
  const known: Upcasters = {
    Retried: [
      (data) => ({ ...Object(data), delayMs: Number(Object(data).delaySeconds) * 1_000 }),
      (data) => ({ ...Object(data), reopened: Object(data).by === 'person' }),
    ],
  }

  it.each([
    ['the first', { data: '{"delaySeconds":5,"by":"person"}', meta: null }],
    ['the second', { data: '{"delayMs":5000,"by":"person"}', meta: '{"schema":2}' }],
    ['the present one', { data: '{"delayMs":5000,"reopened":true}', meta: '{"schema":3}' }],
  ])('is brought up step by step: %s', (_, differences) => {
    const [event] = decodeStream(retriedId, [{ ...retried, ...differences }], known)
    expect(event).toMatchObject({ type: 'Retried', data: { delayMs: 5_000, reopened: true }, context: {} })
  })
})

describe('a row that this release cannot read', () => {
  it.each<[string, Partial<EventRow>]>([
    ['a type of a later release', { type: 'Paused' }],
    ['a schema version of a later release', { meta: '{"schema":2}' }],
    ['a member that is missing', { data: '{"delayMs":1000}' }],
    ['a member of the wrong kind', { data: '{"delayMs":"1000","reopened":false}' }],
    ['data that is no JSON', { data: '{' }],
    ['a Submitted without a payload', { type: 'Succeeded', data: '{"run":2,"attempt":1}', body: null }],
    ['a Started without its columns', { type: 'Started', data: null }],
  ])('is an error that names it: %s', (_, differences) => {
    expect(() => decodeStream(retriedId, [{ ...retried, ...differences }])).toThrow(UndecodableStreamError)
    expect(() => decodeStream(retriedId, [{ ...retried, ...differences }])).toThrow('event v4 of task 019b7647')
  })

  it('may have members that this release does not know', () => {
    const data = '{"delayMs":1000,"reopened":false,"since":"2.0"}'
    expect(decodeStream(retriedId, [{ ...retried, data }])).toMatchObject([
      { data: { delayMs: 1_000, reopened: false } },
    ])
  })
})
