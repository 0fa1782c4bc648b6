import { expect, it } from 'vitest'
import { createMemoryLogger } from '#adapters/memory/surroundings/logger.ts'
import { systemTimers } from '#adapters/system/timers.ts'
import { createProcessIsolation } from '#adapters/worker/isolation/process-isolation.ts'
import { AbortReason, type HandlerContext } from '#application/ports/task-handler.ts'
import { createHandlerContext } from '../../handlers/support/handler-context.ts'
import { start } from '../../../support/run-commands.ts'
import { createMemoryWorld } from '../../../support/memory-world.ts'
import { appendCommand, makeSubmission, submitTo } from '../../../support/task-builders.ts'

/** How a task of the entry's one type ends in a process of its own. */
const runIn = async (entry: URL, given: Partial<HandlerContext> = {}) => {
  const world = createMemoryWorld()
  const logger = createMemoryLogger()
  const isolation = createProcessIsolation({
    processesMax: 2,
    entry,
    settings: undefined,
    timers: systemTimers,
    logger,
    leaseMs: 15_000,
    execArgv: [],
  })
  const pending = await submitTo(world, makeSubmission({ type: 'work' }))
  const task = await appendCommand(world.store, pending, start(pending))
  if (task.status !== 'PROCESSING') throw new Error(`a started task is ${task.status}`)
  const ending = await isolation.run({
    task,
    context: createHandlerContext({ log: logger, ...given }),
    ledger: world.ledger,
    onBegun: () => {},
  })
  await isolation.close()
  return { ending, warnings: logger.lines.filter(({ level }) => level === 'warn').map(({ message }) => message) }
}

it('an isolated handler that sends malformed messages in our envelope ends as it returns', async () => {
  const { ending, warnings } = await runIn(new URL('support/forging-entry.ts', import.meta.url))
  expect(ending).toEqual({ kind: 'returned', result: { kind: 'text', text: '"fine"' } })
  expect(warnings).toEqual(['malformed messages of a handler were left out'])
})

it('an error that escapes from an isolated handler is told of with the crash, and one of an abort listener is none', async () => {
  const controller = new AbortController()
  const { ending, warnings } = await runIn(new URL('support/escaping-entry.ts', import.meta.url), {
    signal: controller.signal,
    progress: () => controller.abort(new AbortReason('cancelled')),
  })
  expect(ending).toMatchObject({ kind: 'crashed', error: { name: 'RangeError', message: 'escaped' } })
  expect(warnings).toEqual([
    "a listener of a handler's signal threw",
    'the process of the handler ended with exit code 1',
  ])
})

it('suspects share processes that live on, and what one run leaves behind is not taken for the next', async () => {
  const world = createMemoryWorld()
  const isolation = createProcessIsolation({
    processesMax: 2,
    entry: new URL('support/lingering-entry.ts', import.meta.url),
    settings: undefined,
    timers: systemTimers,
    logger: createMemoryLogger(),
    leaseMs: 15_000,
    execArgv: [],
  })
  const runOne = async () => {
    const pending = await submitTo(world, makeSubmission({ type: 'work' }))
    const task = await appendCommand(world.store, pending, start(pending))
    if (task.status !== 'PROCESSING') throw new Error(`a started task is ${task.status}`)
    const reported: unknown[] = []
    const context = createHandlerContext({ progress: (value: unknown) => void reported.push(value) })
    const ending = await isolation.run({ task, context, ledger: world.ledger, onBegun: () => {} })
    if (ending.kind !== 'returned' || ending.result.kind !== 'text') throw new Error(`it ${ending.kind}`)
    expect(reported).toEqual([task.taskId])
    return ending.result.text
  }
  const together = await Promise.all([runOne(), runOne()])
  expect(new Set(together).size).toBe(2)
  const later = [await runOne(), await runOne(), ...(await Promise.all([runOne(), runOne()]))]
  expect(new Set([...together, ...later]).size).toBe(2)
  expect(isolation.freeCount()).toBe(2)
  await isolation.close()
})
