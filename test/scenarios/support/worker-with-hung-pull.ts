import { silentLogger } from '../../support/silent-logger.ts'
import { readConfig } from '#bootstrap/config.ts'
import { startRoles } from '#bootstrap/start-roles.ts'

/** A worker whose pulls hang from SIGUSR2 until the next one, whatever deadline they were given. */
let hang: PromiseWithResolvers<void> | undefined
process.on('SIGUSR2', () => {
  if (hang === undefined) hang = Promise.withResolvers()
  else {
    hang.resolve()
    hang = undefined
  }
})

const { url } = await startRoles(readConfig(['worker']), silentLogger, {
  adaptQueue: (queue) => ({
    ...queue,
    pull: async (request) => {
      await hang?.promise
      return queue.pull(request)
    },
  }),
})
process.stdout.write(`${url}\n`)
