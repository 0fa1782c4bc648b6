import { expect, it } from 'vitest'
import { createMemoryLogger } from '#adapters/memory/surroundings/logger.ts'
import { systemTimers } from '#adapters/system/timers.ts'
import { createProcessIsolation } from '#adapters/worker/isolation/process-isolation.ts'
import { createHandlerContext } from '../../handlers/support/handler-context.ts'
import { start } from '../../../support/run-commands.ts'
import { createMemoryWorld } from '../../../support/memory-world.ts'
import { appendCommand, makeSubmission, submitTo } from '../../../support/task-builders.ts'

it('an isolated handler that sends malformed messages in our envelope ends as it returns', async () => {
  const world = createMemoryWorld()
  const logger = createMemoryLogger()
  const isolation = createProcessIsolation({
    entry: new URL('support/forging-entry.ts', import.meta.url),
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
    context: createHandlerContext(),
    ledger: world.ledger,
    onBegun: () => {},
  })
  await isolation.close()
  expect(ending).toEqual({ kind: 'returned', result: { kind: 'text', text: '"fine"' } })
  expect(logger.lines.filter(({ level }) => level === 'warn').map(({ message }) => message)).toEqual([
    'malformed messages of a handler were left out',
  ])
})
