import { describe, expect, it } from 'vitest'
import type { HandlerContext } from '#application/ports/task-handler.ts'
import { createMemoryWorld } from '../../../support/memory-world.ts'
import { loadTask } from '../../../support/task-builders.ts'
import { createClient, startWorker } from '../../../support/test-worker.ts'

type Extended = HandlerContext & { readonly db: string }

/** What middleware does to a context before it calls the handler that it wraps. */
const forms: Readonly<Record<string, (context: HandlerContext) => Extended>> = {
  'spread into another object': (context) => ({ ...context, db: 'there' }),
  'copied by Object.assign': (context) => Object.assign({}, context, { db: 'there' }),
  'taken apart with a rest': ({ attempt, ...rest }) => ({ attempt, ...rest, db: 'there' }),
  'copied by its entries': (context) =>
    Object.assign({ ...context }, Object.fromEntries(Object.entries(context)), { db: 'there' }),
  'copied with its descriptors': (context) =>
    Object.defineProperties({ ...context, db: 'there' }, Object.getOwnPropertyDescriptors(context)),
  'given another member': (context) => Object.assign(context, { db: 'there' }),
  'the prototype of another object': (context) => Object.assign(Object.create(context), { db: 'there' }),
  'wrapped by a proxy': (context) => {
    const extended = { ...context, db: 'there' }
    return new Proxy(extended, {
      get: (target, key, receiver) => Reflect.get(key === 'db' ? target : context, key, receiver),
    })
  },
}

/** Runs a task whose handler is told that it was cancelled, with the context in such a form. */
const runWith = async (toExtended: (context: HandlerContext) => Extended) => {
  const world = createMemoryWorld()
  const client = createClient(world)
  const work = async (_: unknown, given: HandlerContext) => {
    const { signal, log, progress, effect, db, taskId, attempt } = toExtended(given)
    log.info({}, 'had a context')
    progress('half')
    await effect('once', { mode: 'idempotent' }, () => 'done')
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    return { db, taskId, attempt }
  }
  await startWorker(world, { work })
  const taskId = await client.submit({ timeoutMs: 5_000 })
  await world.advance(6_000)
  const progress = await world.progress.find(taskId)
  return { task: await loadTask(world.store, taskId), taskId, lines: world.logger.lines, progress }
}

describe('the context of a handler', () => {
  it.each(Object.keys(forms))('works when it is %s', async (name) => {
    const { task, taskId, lines, progress } = await runWith(forms[name] ?? (() => expect.unreachable()))
    // It returned because its signal aborted at its time limit.
    expect(task).toMatchObject({ status: 'SUCCESS', result: JSON.stringify({ db: 'there', taskId, attempt: 1 }) })
    expect(lines.map(({ message }) => message)).toContain('had a context')
    expect(progress?.value).toBe('"half"')
  })

  it('keeps a member that middleware puts in the place of its own', async () => {
    const { task } = await runWith((context) =>
      Object.assign(context, { db: 'there', log: { ...context.log, info: () => {} } }),
    )
    expect(task.status).toBe('SUCCESS')
  })

  it('has its members and no others, as in a process of its own', async () => {
    const seen: unknown[] = []
    await runWith((context) => {
      seen.push(Object.keys(context), 'effect' in context, Object.hasOwn(context, 'signal'))
      return { ...context, db: 'there' }
    })
    expect(seen).toEqual([['taskId', 'attempt', 'signal', 'log', 'progress', 'effect'], true, true])
  })
})
