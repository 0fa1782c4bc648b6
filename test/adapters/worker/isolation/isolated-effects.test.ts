import { describe, expect, it } from 'vitest'
import { createMemoryLogger } from '#adapters/memory/surroundings/logger.ts'
import { systemTimers } from '#adapters/system/timers.ts'
import { createProcessIsolation } from '#adapters/worker/isolation/process-isolation.ts'
import { AbortReason } from '#application/ports/task-handler.ts'
import { createHandlerContext } from '../../handlers/support/handler-context.ts'
import { start } from '../../../support/run-commands.ts'
import { createMemoryWorld } from '../../../support/memory-world.ts'
import { appendCommand, makeSubmission, submitTo } from '../../../support/task-builders.ts'

/** How a course of the entry ends in a process of its own. `abortMs`: when its run is aborted. */
const runCourse = async (course: string, abortMs?: number) => {
  const world = createMemoryWorld()
  const logger = createMemoryLogger()
  const controller = new AbortController()
  const isolation = createProcessIsolation({
    processesMax: 1,
    entry: new URL('support/effects-entry.ts', import.meta.url),
    settings: undefined,
    timers: systemTimers,
    logger,
    leaseMs: 15_000,
    execArgv: [],
  })
  const pending = await submitTo(world, makeSubmission({ type: 'work', payload: JSON.stringify(course) }))
  const task = await appendCommand(world.store, pending, start(pending))
  if (task.status !== 'PROCESSING') throw new Error(`a started task is ${task.status}`)
  const ending = await isolation.run({
    task,
    context: createHandlerContext({ log: logger, signal: controller.signal }),
    ledger: world.ledger,
    onBegun: () => {
      if (abortMs !== undefined) setTimeout(() => controller.abort(new AbortReason('cancelled')), abortMs)
    },
  })
  await isolation.close()
  const text = ending.kind === 'returned' && ending.result.kind === 'text' ? ending.result.text : undefined
  return { ending, text, notes: await world.notes.read(), effects: await world.ledger.list(task.taskId) }
}

describe('an effect of an isolated run', () => {
  it('happens in a transaction of its worker, whatever its input is', async () => {
    const { text, notes, effects } = await runCourse('transacts')
    expect(text).toBe('{"rowCount":1,"keyLength":43}')
    expect(notes).toEqual(['a'])
    expect(effects).toMatchObject([{ name: 'write', mode: 'tx', state: 'completed' }])
  })

  it('is rolled back when its work throws, and is told why in the words of either process', async () => {
    const { text, notes, effects } = await runCourse('rollsBack')
    expect(text).toBe('["RangeError","23505","Error: () => 1 could not be cloned."]')
    expect([notes, effects]).toEqual([[], []])
  })

  it('is rolled back when its process dies', async () => {
    const { ending, notes, effects } = await runCourse('dies')
    expect(ending.kind).toBe('crashed')
    expect([notes, effects]).toEqual([[], []])
  })

  it('is rolled back when its run is aborted', async () => {
    const { ending, notes, effects } = await runCourse('hangs', 500)
    expect(ending).toMatchObject({ kind: 'threw', failure: { error: { name: 'AbortReason' } } })
    expect([notes, effects]).toEqual([[], []])
  })

  it('that is in doubt ends the run, however its handler goes on', async () => {
    const { ending, effects } = await runCourse('doubts')
    expect(ending).toMatchObject({ kind: 'threw', failure: { cause: 'effect-in-doubt' } })
    expect(effects).toMatchObject([{ name: 'send', mode: 'once', state: 'in-doubt' }])
  })
})
