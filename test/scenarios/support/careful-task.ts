import { appendFile } from 'node:fs/promises'
import { defineTask } from 'taskfold'

interface Payload {
  readonly file: string
  readonly holdMs: number
}

/** Writes a line into a file as an effect, says so, and waits to be killed in its first attempt. */
export const careful = defineTask({
  type: 'careful',
  run: async (payload, { attempt, signal, progress, effect }) => {
    const { file, holdMs } = parse(payload)
    const receipt = await effect('write', { mode: 'idempotent', input: { file } }, async ({ key }) => {
      await appendFile(file, `${key}\n`)
      return { key, attempt }
    })
    progress({ attempt, written: true })
    if (attempt === 1) await wait(holdMs, signal)
    return receipt
  },
})

const parse = (payload: unknown): Payload => {
  const file: unknown = Reflect.get(Object(payload), 'file')
  const holdMs: unknown = Reflect.get(Object(payload), 'holdMs')
  if (typeof file !== 'string' || typeof holdMs !== 'number') throw new TypeError('file and holdMs')
  return { file, holdMs }
}

const wait = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      reject(new Error('aborted'))
    })
  })
