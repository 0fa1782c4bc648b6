import { silentLogger } from '../../support/silent-logger.ts'
import { readConfig } from '#bootstrap/config.ts'
import { startRoles } from '#bootstrap/start-roles.ts'

/** An API that is killed the moment it would push its first hint: after the commit, before the queue knows. */
const { url } = await startRoles(readConfig(['api']), silentLogger, {
  adaptQueue: (queue) => ({
    ...queue,
    push: async () => {
      process.kill(process.pid, 'SIGKILL')
      await new Promise(() => {})
    },
  }),
})
process.stdout.write(`${url}\n`)
