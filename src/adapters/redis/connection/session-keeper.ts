import { StartupError } from '#application/diagnosis/startup-error.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import type { LinkHealth } from './link-health.ts'
import { openSession, probe, type Session } from './redis-session.ts'
import type { RedisTarget } from './redis-url.ts'
import { backOffMs, pause } from './waits.ts'

/** Sees to it that there is a session whenever there can be one. */
export interface SessionKeeper {
  /** Undefined while Redis is away. */
  current(): Session | undefined
  /** What the present server lacks although it can be pulled from: memory. */
  flaw(): Error | undefined
  readonly close: () => Promise<void>
}

interface Options {
  readonly target: RedisTarget
  readonly prefix: string
  readonly logger: Logger
  readonly health: LinkHealth
}

const probeEveryMs = 2_000

/** Resolves after the first attempt to connect. Throws StartupError when a server answers that is too old. */
export const keepSession = async ({ target, prefix, logger, health }: Options): Promise<SessionKeeper> => {
  const closing = new AbortController()
  let session: Session | undefined
  let flaw: Error | undefined
  let warned = ''

  const noteFlaw = (found: Error | undefined): void => {
    flaw = found
    health.note(found)
  }

  const connect = async (): Promise<void> => {
    const opened = await openSession(target, prefix)
    if (closing.signal.aborted) return opened.end('closed')
    session = opened
    const warning = opened.warnings.join('; ')
    if (warning !== '' && warning !== warned) logger.warn({}, warning)
    warned = warning
    noteFlaw(opened.flaw)
  }

  const stayConnected = async ({ commands, over, end }: Session): Promise<void> => {
    while (!over.aborted) {
      await pause(probeEveryMs, over)
      if (!over.aborted) await probe(commands, prefix).then(noteFlaw, end)
    }
    session = undefined
    if (!closing.signal.aborted) health.note(over.reason)
  }

  const keepConnected = async (): Promise<void> => {
    for (let failures = 0; !closing.signal.aborted; failures += 1) {
      if (session !== undefined) {
        await stayConnected(session)
        failures = 0
      }
      await pause(backOffMs(failures), closing.signal)
      if (!closing.signal.aborted) await connect().catch(health.note)
    }
    session?.end('closed')
  }

  await connect().catch((error: unknown) => {
    if (error instanceof StartupError) throw error
    health.note(error)
  })
  const keeping = keepConnected()

  return {
    flaw: () => flaw,
    current: () => (session?.over.aborted === false ? session : undefined),
    close: async () => {
      closing.abort()
      session?.end('closed')
      await keeping
    },
  }
}
