import { createServer } from 'node:http'
import { defineTask } from 'taskfold'
import { fetch } from 'undici'
import { z } from 'zod'

/** Somebody whom the handlers of the tests call: itself, because any answer will do. */
const server = createServer((_request, response) => response.end('thank you')).listen(0, '127.0.0.1')
server.unref()

const portOf = (): number => {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** Calls out in each attempt, and fails in those before `succeedsAt`; a secret in its message is to be told to nobody. */
export const call = defineTask({
  type: 'traced.call',
  input: z.object({ succeedsAt: z.int(), secret: z.string().default('') }),
  retry: { strategy: 'fixed', baseMs: 50 },
  run: async ({ succeedsAt, secret }, { attempt, log }) => {
    const query = new URLSearchParams({ secret })
    const response = await fetch(`http://127.0.0.1:${portOf()}/called?${query.toString()}`, {
      headers: { authorization: secret },
    })
    await response.text()
    log.info({ attempt }, 'called')
    if (attempt < succeedsAt) throw new TypeError(`could not use ${secret}`)
    return { secret }
  },
})
