import { describe, expect, it } from 'vitest'
import { listEffects } from '#application/queries/list-effects.ts'
import { mintTaskId } from '../../support/ids.ts'
import { createMemoryWorld } from '../../support/memory-world.ts'
import { claimEffect, start } from '../../support/run-commands.ts'
import { appendCommand, submitTo } from '../../support/task-builders.ts'

describe('the effects of a task', () => {
  it('are none for one that had none, and undefined for one that does not exist', async () => {
    const world = createMemoryWorld()
    const running = await submitTo(world).then((task) => appendCommand(world.store, task, start(task)))
    expect(await listEffects(world, running.taskId)).toEqual([])
    expect(await listEffects(world, mintTaskId())).toBeUndefined()
    await world.ledger.claim(claimEffect(running))
    expect(await listEffects(world, running.taskId)).toMatchObject([{ name: 'send', state: 'started' }])
  })
})
