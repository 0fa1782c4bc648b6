import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { type Answer, type Command, replySchema } from './messages.ts'
import { nodeFlags } from './node-flags.ts'

/** A submitter or worker process. */
export interface Child {
  /** Throws what the child failed with, and when it ends or says nothing for two minutes. */
  ask(command: Command): Promise<Answer>
  /** How many handlers have begun in it, as of a few milliseconds ago. */
  begun(): number
  /** Resolves when it is gone, asked or not. */
  kill(): Promise<void>
}

type Script = 'submitter.ts' | 'worker.ts'

const answerDeadlineMs = 120_000

export const startChild = (script: Script, contender: string): Child => {
  const child = fork(fileURLToPath(new URL(script, import.meta.url)), [contender], { execArgv: [...nodeFlags] })
  const ended = once(child, 'exit')
  let begun = 0
  child.on('message', (message) => {
    const reply = replySchema.parse(message)
    if (reply.kind === 'progress') begun = reply.begun
  })
  return {
    ask: (command) =>
      new Promise((resolve, reject) => {
        const fail = (why: string): void => {
          settle()
          reject(new Error(`${script} of ${contender}, asked to ${command.kind}: ${why}`))
        }
        const onMessage = (message: unknown): void => {
          const reply = replySchema.parse(message)
          if (reply.kind === 'failure') fail(reply.message)
          if (reply.kind !== 'answer') return
          settle()
          resolve(reply)
        }
        const onExit = (): void => fail('it ended')
        const deadline = setTimeout(() => fail(`no answer within ${answerDeadlineMs} ms`), answerDeadlineMs)
        const settle = (): void => {
          clearTimeout(deadline)
          child.off('message', onMessage)
          child.off('exit', onExit)
        }
        child.on('message', onMessage)
        child.on('exit', onExit)
        child.send(command)
      }),
    begun: () => begun,
    kill: async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await ended
    },
  }
}
