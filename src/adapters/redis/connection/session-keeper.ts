import { StartupError } from '#application/diagnosis/startup-error.ts'
import type { Runtime } from '#application/ports/surroundings/runtime.ts'
import { keepOpen } from './keep-open.ts'
import type { LinkHealth } from './link-health.ts'
import { openSession, probe, type Session } from './redis-session.ts'
import type { RedisTarget } from './redis-url.ts'

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
  readonly runtime: Pick<Runtime, 'timers' | 'random' | 'logger'>
  readonly health: LinkHealth
}

const probeEveryMs = 2_000

/** Resolves after the first attempt to connect. Throws StartupError when a server answers that is too old. */
export const keepSession = async ({ target, prefix, runtime, health }: Options): Promise<SessionKeeper> => {
  const closing = new AbortController()
  let session: Session | undefined
  let flaw: Error | undefined
  let warned = ''

  const noteFlaw = (found: Error | undefined): void => {
    flaw = found
    health.note(found)
  }

  const connect = async (): Promise<Session | undefined> => {
    const opened = await openSession(target, prefix)
    if (closing.signal.aborted) {
      opened.end('closed')
      return undefined
    }
    session = opened
    const warning = opened.warnings.join('; ')
    if (warning !== '' && warning !== warned) runtime.logger.warn({}, warning)
    warned = warning
    noteFlaw(opened.flaw)
    return opened
  }

  const stayConnected = async ({ commands, over, end }: Session): Promise<void> => {
    while (!over.aborted) {
      await runtime.timers.sleep(probeEveryMs, over)
      if (!over.aborted) await probe(commands, prefix).then(noteFlaw, end)
    }
    session = undefined
    if (!closing.signal.aborted) health.note(over.reason)
  }

  const note = (error: unknown): undefined => {
    health.note(error)
  }
  const first = await connect().catch((error: unknown) => {
    if (error instanceof StartupError) throw error
    return note(error)
  })
  const kept = keepOpen({
    runtime,
    first,
    open: () => connect().catch(note),
    untilLost: stayConnected,
    closing: closing.signal,
  })

  return {
    flaw: () => flaw,
    current: () => (session?.over.aborted === false ? session : undefined),
    close: async () => {
      closing.abort()
      session?.end('closed')
      await kept
    },
  }
}
