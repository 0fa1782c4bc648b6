import { readFile } from 'node:fs'
import { createConnection } from 'node:net'
import { defineTask } from 'taskfold'

const forEver = (): Promise<never> => new Promise(() => {})
const fail = (message: string): never => {
  throw new Error(message)
}

/** Ways in which an error of a handler reaches nobody who could catch it, by the name in the payload. */
const ways: Readonly<Record<string, () => void>> = {
  'a forgotten await': () => void Promise.reject(new Error('escaped')),
  'a timer': () => void setTimeout(() => fail('escaped'), 20),
  'an old callback': () => readFile(import.meta.filename, () => fail('escaped')),
  // Nothing listens for its error. The port is 1, at which nothing answers.
  'a connection': () => void createConnection(1, '127.0.0.1'),
}

export const escaping = defineTask({
  type: 'escape.now',
  run: async (way) => {
    ways[String(way)]?.()
    await forEver()
  },
})

/** Lets an error escape only when it has ended. */
export const late = defineTask({
  type: 'escape.late',
  run: async () => {
    setTimeout(() => fail('escaped late'), 500)
    return 'done'
  },
})

/** Its abort listener throws; it ends at once all the same. */
export const badListener = defineTask({
  type: 'escape.listener',
  run: async (_, { signal }) => {
    signal.addEventListener('abort', () => fail('escaped from a listener'))
    await new Promise((resolve) => {
      signal.addEventListener('abort', resolve)
    })
    signal.throwIfAborted()
  },
})

/** Waits for ever where an error is about to escape, and is done elsewhere. */
export const neighbour = defineTask({
  type: 'escape.neighbour',
  run: () => (process.env['HOLD'] === 'yes' ? forEver() : Promise.resolve('done')),
})
