import type { Agent } from 'undici'
import { ConfigurationError } from '#application/diagnosis/startup-error.ts'
import type { TaskHandler } from '#application/ports/task-handler.ts'
import { createAddressGuard } from './address-guard.ts'
import { demoEcho, demoFail, demoSleep } from './demo-tasks.ts'
import { type BuiltInType, builtInTypes } from './built-in-types.ts'
import { createEmailSendTask } from './email-send.ts'
import { createHttpRequestTask } from './http-request.ts'

interface Options {
  /** `smtp:` or `smtps:`; without it every `email.send` fails for good. */
  readonly smtpUrl: string | undefined
  /** Host names, addresses and CIDR blocks that `http.request` may reach although they are not public. */
  readonly httpTargetAllow: readonly string[]
  /** Whom `email.send` may send as: addresses, or domains after an `@`; undefined for anybody. */
  readonly emailSenders: readonly string[] | undefined
  /** The types that are on. */
  readonly builtIn: readonly BuiltInType[]
}

/** The handlers that come with every worker, and the connections that they keep. */
export interface BuiltInHandlers {
  readonly handlers: readonly TaskHandler[]
  /** Destroys all connections, those in use included: call it after the last run. */
  close(): Promise<void>
}

/** Throws ConfigurationError, naming SMTP_URL or HTTP_TARGET_ALLOW. */
export const createBuiltInHandlers = ({
  smtpUrl,
  httpTargetAllow,
  emailSenders,
  builtIn,
}: Options): BuiltInHandlers => {
  if (smtpUrl !== undefined && !/^smtps?:$/.test(URL.parse(smtpUrl)?.protocol ?? '')) {
    throw new ConfigurationError(['SMTP_URL must be a URL that begins with smtp:// or smtps://'])
  }
  const guard = createAddressGuard(httpTargetAllow)
  let agent: Promise<Agent> | undefined
  // Loaded by the first request: most processes send none, and loading undici takes a tenth of their start.
  const openAgent = (): Promise<Agent> =>
    (agent ??= import('./guarded-agent.ts').then(({ createGuardedAgent }) => createGuardedAgent(guard)))
  const handlers: Readonly<Record<BuiltInType, TaskHandler>> = {
    'demo.echo': demoEcho,
    'demo.sleep': demoSleep,
    'demo.fail': demoFail,
    'http.request': createHttpRequestTask(openAgent),
    'email.send': createEmailSendTask({ smtpUrl, senders: emailSenders }),
  }
  return {
    handlers: builtInTypes.filter((type) => builtIn.includes(type)).map((type) => handlers[type]),
    close: async () => {
      await (await agent)?.destroy()
    },
  }
}
