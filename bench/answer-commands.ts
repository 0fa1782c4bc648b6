import { type Answer, type Command, commandSchema, type Reply } from './messages.ts'

/** Answers the commands of the run one after the other, then exits when told to close or when the run is gone. */
export const answerCommands = (handle: (command: Command) => Promise<Partial<Answer>>): void => {
  let last: Promise<void> = Promise.resolve()
  process.on('message', (message) => {
    last = last.then(() => answer(message, handle))
  })
  process.on('disconnect', () => process.exit(1))
}

const answer = async (message: unknown, handle: (command: Command) => Promise<Partial<Answer>>): Promise<void> => {
  try {
    const command = commandSchema.parse(message)
    const facts = await handle(command)
    await reply({ kind: 'answer', tasks: 0, latenciesMs: [], ...facts })
    if (command.kind === 'close') process.exit(0)
  } catch (error) {
    await reply({ kind: 'failure', message: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  }
}

/** Resolves when the run's end of the channel has taken it over. */
export const reply = (message: Reply): Promise<void> =>
  new Promise((resolve) => {
    if (process.send === undefined) throw new Error('this process is started by the run alone')
    process.send(message, () => resolve())
  })
