import { describe, expect, it } from 'vitest'
import { isAlive, isSilent, takesTasks, toServes } from '#application/health/worker-liveness.ts'
import type { WorkerRow } from '#application/ports/workers/worker-registry.ts'
import { mintIncarnation } from '../../support/ids.ts'

const leaseMs = 15_000

const makeRow = (row: Pick<WorkerRow, 'state' | 'silentForMs'>): WorkerRow => ({
  incarnation: mintIncarnation(),
  host: 'a-host',
  pid: 1,
  queues: undefined,
  types: [],
  concurrency: 1,
  leaseMs,
  beat: 1,
  running: 0,
  startedAt: 0,
  lastBeatAt: 0,
  ...row,
})

describe('a worker', () => {
  it.each([
    ['live', leaseMs - 1, { silent: false, alive: true, takes: true }],
    ['live', leaseMs, { silent: true, alive: false, takes: false }],
    ['draining', leaseMs - 1, { silent: false, alive: true, takes: false }],
    ['draining', leaseMs, { silent: true, alive: false, takes: false }],
    ['ended', 0, { silent: false, alive: false, takes: false }],
    ['ended', leaseMs, { silent: false, alive: false, takes: false }],
  ] as const)('that is %s and beat last %i ms ago is judged as %j', (state, silentForMs, expected) => {
    const row = makeRow({ state, silentForMs })
    expect({ silent: isSilent(row), alive: isAlive(row), takes: takesTasks(row) }).toEqual(expected)
  })
})

describe('a worker with a handler for one type', () => {
  const route = { queue: 'mail', type: 'send' }

  it.each([
    ['of every queue serves the type in any', undefined, route, true],
    ['of every queue does not serve another type', undefined, { queue: 'mail', type: 'print' }, false],
    ['of named queues serves the type in them', ['post', 'mail'], route, true],
    ['of named queues does not serve the type in another', ['post'], route, false],
    ['of no queue serves nothing', [], route, false],
  ] as const)('and %s', (_, queues, asked, expected) => {
    expect(toServes({ queues, types: ['send'] })(asked)).toBe(expected)
  })
})
