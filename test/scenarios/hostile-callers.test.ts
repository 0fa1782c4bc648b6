import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { range } from '../support/task-builders.ts'
import { type Attackers, createAttackers, toGet, toPost } from './support/attackers.ts'
import { createFleet, type Fleet } from './support/fleet.ts'
import { startHonestCaller } from './support/honest-caller.ts'
import { post, submit, untilStatus } from './support/http.ts'
import { pause } from './support/load.ts'
import type { TaskfoldProcess } from './support/process.ts'
import { untilReady } from './support/readiness.ts'

const slow = { timeout: 120_000 }

let fleet: Fleet
let target: TaskfoldProcess
let attackers: Attackers
beforeEach(async () => {
  fleet = await createFleet({})
  target = await fleet.start([])
  attackers = createAttackers(target.url)
  const { id } = await submit(target.url, { type: 'demo.echo' })
  await untilStatus(target.url, id, 'SUCCESS')
}, 60_000)
afterEach(async () => {
  attackers.close()
  await fleet.close()
})

/** An honest caller is answered throughout, the process keeps its memory, and all goes on afterwards without a restart. */
const endure = async (attack: () => Promise<unknown>): Promise<void> => {
  const honest = startHonestCaller(target)
  const seen = attack().then(
    () => honest.stop(),
    async (error: unknown) => {
      await honest.stop()
      throw error
    },
  )
  const { answers, failures, peakMegabytes } = await seen
  expect(failures).toEqual([])
  expect(answers).toBeGreaterThan(0)
  expect(peakMegabytes).toBeLessThan(512)
  attackers.close()
  await untilReady(target.url)
  const { id } = await submit(target.url, { type: 'demo.echo' })
  await untilStatus(target.url, id, 'SUCCESS')
}

const megabytes = 1_048_576
const batchOf = (item: string, filling: string): string => {
  const body = (payload: string): string => `{"tasks":[${item.replace('FILLING', payload)}]}`
  const room = 8 * megabytes - body('').length
  return body(filling.repeat(Math.floor(room / filling.length)))
}

const largeBatches: readonly (readonly [string, string])[] = [
  [
    'brackets in brackets',
    `{"tasks":[{"type":"a","payload":${'['.repeat(4 * megabytes - 50)}${']'.repeat(4 * megabytes - 50)}}]}`,
  ],
  ['many brackets', batchOf('{"type":"a","payload":[FILLING[]]}', '[],')],
  ['many numbers', batchOf('{"type":"a","payload":[FILLING1]}', '1e20,')],
  ['many items', batchOf('FILLING1', '1,')],
  [
    'unknown members',
    `{"tasks":[{"type":"a",${range(600_000)
      .map((n) => `"k${n}":1`)
      .join()}}]}`,
  ],
  [
    'as many members as may be, in each task',
    `{"tasks":[${range(10)
      .map(
        () =>
          `{"type":"a","payload":{${range(60_000)
            .map((n) => `"${n}":1`)
            .join()}}}`,
      )
      .join()}]}`,
  ],
  [
    'numbers that are longer as they are kept',
    `{"tasks":[${range(100)
      .map(
        () =>
          `{"type":"a","payload":[${range(11_000)
            .map(() => '1e20')
            .join()}]}`,
      )
      .join()}]}`,
  ],
  [
    'faults in each of a thousand tasks',
    `{"tasks":[${range(1_000)
      .map(
        () =>
          `{${range(700)
            .map((n) => `"${n}":1`)
            .join()}}`,
      )
      .join()}]}`,
  ],
  [
    'a thousand tasks of eight kilobytes',
    `{"tasks":[${range(1_000)
      .map(() => `{"type":"a","payload":"${'x'.repeat(8_000)}"}`)
      .join()}]}`,
  ],
]

describe('large batches', () => {
  test.each(largeBatches)('of %s, six at once', slow, async (_, body) => {
    await endure(async () => {
      const request = toPost('/api/tasks/batch', body)
      const answers = range(6).map(async () => {
        const socket = attackers.send(request)
        const [first] = await once(socket, 'data')
        return /^HTTP\/1\.1 (\d+)/.exec(String(first))?.[1]
      })
      for (const status of await Promise.all(answers)) expect(['200', '413', '422', '503']).toContain(status)
    })
  })

  test('that are not read when they are answered', slow, async () => {
    const body = `{"tasks":[${range(1_000)
      .map(() => `{"type":"a","delayMs":999999999,"payload":"${'x'.repeat(8_000)}"}`)
      .join()}]}`
    await endure(async () => {
      for (const _ of range(40)) attackers.send(toPost('/api/tasks/batch', body)).pause()
      await pause(8_000)
    })
  })
})

describe('bodies that do not come', () => {
  test.each([
    ['forty that announce eight mebibytes and send a byte', 40, 0],
    ['forty that announce eight mebibytes and send one', 40, megabytes],
    ['three thousand that announce eight mebibytes and send a byte', 3_000, 0],
    ['three thousand that announce eight mebibytes and send sixteen kibibytes', 3_000, 16_000],
  ])('%s', slow, async (_, connections, bytes) => {
    await endure(async () => {
      const request = toPost('/api/tasks/batch', `{"tasks":["${'x'.repeat(bytes)}`, 8 * megabytes)
      for (const _connection of range(connections)) attackers.send(request)
      await pause(8_000)
    })
  })
})

/** Each process of this test holds eleven thousand; Node raises its limit to what the system lets it. */
const mayOpen = Number(execFileSync('/bin/sh', ['-c', 'ulimit -Hn']).toString().replace('unlimited', '1000000'))

test.runIf(mayOpen > 12_000)('eleven thousand connections that say nothing, from another address', slow, async () => {
  await endure(async () => {
    for (let opened = 0; opened < 11_000; opened += 100) {
      for (const _ of range(100)) attackers.sendFrom('127.0.0.2', 'GET /')
      await pause(20)
    }
    await pause(2_000)
  })
})

describe('answers that are not read', () => {
  const fill = async (): Promise<void> => {
    const tasks = range(30).map(() => ({ type: 'a', payload: 'x'.repeat(250_000) }))
    for (const _ of range(3)) await post(target.url, '/api/tasks/batch', { tasks })
  }

  test.each([
    ['pages of large events', '/api/events?limit=1000', 'application/json', 120],
    ['lists of large tasks', '/api/tasks?limit=200', 'application/json', 30],
    ['streams from the beginning', '/api/events', 'text/event-stream', 140],
  ])('%s', slow, async (_, path, accept, connections) => {
    await fill()
    await endure(async () => {
      for (const _connection of range(connections)) attackers.send(toGet(path, accept)).pause()
      await pause(6_000)
    })
  })

  test('a hundred and forty followers from the beginning who do read', slow, async () => {
    await fill()
    await endure(async () => {
      for (const _ of range(140)) attackers.send(toGet('/api/events', 'text/event-stream')).resume()
      await pause(6_000)
    })
  })
})
