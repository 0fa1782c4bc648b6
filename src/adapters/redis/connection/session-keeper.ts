import { StartupError } from '#application/diagnosis/startup-error.ts'
import type { Runtime } from '#application/ports/surroundings/runtime.ts'
import { keepOpen } from './keep-open.ts'
import type { LinkHealth } from './link-health.ts'
import { openSession, type RedisSession, tryWrite } from './redis-session.ts'
import type { RedisTarget } from './redis-url.ts'

/** Keeps a session with the server open. */
export interface SessionKeeper {
  /** Undefined while Redis is away. */
  current(): RedisSession | undefined
  /** The latest refusal of a write for lack of memory; undefined when the latest write was taken. */
  outOfMemory(): Error | undefined
  readonly close: () => Promise<void>
}

interface Options {
  readonly target: RedisTarget
  readonly prefix: string
  readonly runtime: Pick<Runtime, 'timers' | 'random' | 'logger'>
  readonly health: LinkHealth
}

const tryWriteEveryMs = 2_000

/** Resolves after the first attempt to connect. Throws StartupError when a server answers that is too old. */
export const keepSession = async ({ target, prefix, runtime, health }: Options): Promise<SessionKeeper> => {
  const closing = new AbortController()
  let session: RedisSession | undefined
  let outOfMemory: Error | undefined
  let loggedWarning = ''

  const onWriteTried = (refusal: Error | undefined): void => {
    outOfMemory = refusal
    health.record(refusal)
  }

  const connect = async (): Promise<RedisSession | undefined> => {
    const opened = await openSession(target, prefix)
    if (closing.signal.aborted) {
      opened.end('closed')
      return undefined
    }
    session = opened
    const warning = opened.warnings.join('; ')
    if (warning !== '' && warning !== loggedWarning) runtime.logger.warn({}, warning)
    loggedWarning = warning
    onWriteTried(opened.outOfMemory)
    return opened
  }

  const stayConnected = async ({ commands, ended, end }: RedisSession): Promise<void> => {
    while (!ended.aborted) {
      await runtime.timers.sleep(tryWriteEveryMs, ended)
      if (!ended.aborted) await tryWrite(commands, prefix).then(onWriteTried, end)
    }
    session = undefined
    if (!closing.signal.aborted) health.record(ended.reason)
  }

  const recordFailure = (error: unknown): undefined => {
    health.record(error)
  }
  const first = await connect().catch((error: unknown) => {
    if (error instanceof StartupError) throw error
    return recordFailure(error)
  })
  const kept = keepOpen({
    runtime,
    first,
    open: () => connect().catch(recordFailure),
    untilLost: stayConnected,
    closing: closing.signal,
  })

  return {
    outOfMemory: () => outOfMemory,
    current: () => (session?.ended.aborted === false ? session : undefined),
    close: async () => {
      closing.abort()
      session?.end('closed')
      await kept
    },
  }
}
