import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { expectWholeHistory } from './support/audit.ts'
import type { Fleet } from './support/fleet.ts'
import { history, request, submit, until, untilStatus } from './support/http.ts'
import { createFleetWith, queueKinds } from './support/queue-kinds.ts'
import { startTaskfold } from './support/process.ts'

let fleet: Fleet
afterEach(async () => {
  await fleet.close()
})

describe.each(queueKinds)('an API killed between commit and push, with the queue in %s', (kind) => {
  it('leaves a task that runs all the same', { timeout: 60_000 }, async () => {
    fleet = await createFleetWith(kind)
    const api = await fleet.start(['api'])
    await fleet.start(['worker'])
    const doomed = await startTaskfold({
      entry: join(import.meta.dirname, 'support/api-killed-before-push.ts'),
      env: fleet.env,
    })
    await submit(doomed.url, { type: 'demo.echo', payload: 'never pushed', tags: ['doomed'] }).catch(() => {})
    expect(await doomed.ended).toBe('SIGKILL')

    const id = await until('the task', async () => {
      const { body } = await request<{ readonly items: readonly { readonly id: string }[] }>(
        api.url,
        '/api/tasks?tag=doomed',
      )
      return body.items[0]?.id
    })
    await untilStatus(api.url, id, 'SUCCESS')
    expect((await history(api.url, id)).map(({ type }) => type)).toEqual(['Submitted', 'Started', 'Succeeded'])
    await expectWholeHistory(fleet.database.url)
  })
})
