import { appendFile, readFile } from 'node:fs/promises'
import { defineTask } from 'taskfold'

/** A file that stands for a receiver: a line for each call, with the key of the effect. */
const parseFile = (payload: unknown): string => {
  const file: unknown = Reflect.get(Object(payload), 'file')
  if (typeof file !== 'string') throw new TypeError('file')
  return file
}

/** The first attempt never gets from its call to the record of it. */
const holdFirst = async (attempt: number): Promise<void> => {
  if (attempt === 1) await new Promise(() => {})
}

export const once = defineTask({
  type: 'ledger.once',
  run: async (payload, { attempt, effect }) =>
    effect('call', { mode: 'once' }, async ({ key }) => {
      await appendFile(parseFile(payload), `once ${key}\n`)
      await holdFirst(attempt)
      return { attempt }
    }),
})

export const verify = defineTask({
  type: 'ledger.verify',
  run: async (payload, { attempt, effect }) => {
    const find = async ({ key }: { readonly key: string }) => {
      const calls = await readFile(parseFile(payload), 'utf8')
      return calls.includes(`verify ${key}`)
        ? ({ outcome: 'done', result: { attempt: 0 } } as const)
        : ({ outcome: 'not-done' } as const)
    }
    return effect('call', { mode: 'verify', verify: find }, async ({ key }) => {
      await appendFile(parseFile(payload), `verify ${key}\n`)
      await holdFirst(attempt)
      return { attempt }
    })
  },
})

export const held = defineTask({
  type: 'ledger.tx',
  run: async (payload, { taskId, attempt, effect }) =>
    effect('row', { mode: 'tx' }, async ({ query }) => {
      await query('insert into rows (task_id) values ($1)', [taskId])
      await appendFile(parseFile(payload), `tx ${attempt}\n`)
      await holdFirst(attempt)
      return { attempt }
    }),
})

export const row = defineTask({
  type: 'ledger.row',
  run: async (payload, { taskId, attempt, effect }) =>
    effect('row', { mode: 'tx' }, async ({ query }) => {
      await appendFile(parseFile(payload), `row ${attempt}\n`)
      await query('insert into rows (task_id) values ($1)', [taskId])
      return { attempt }
    }),
})
