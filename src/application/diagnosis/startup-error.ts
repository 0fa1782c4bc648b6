/** The process cannot start, and its settings are not to blame. The message is one line for a person; exit 1, no stack. */
export class StartupError extends Error {
  override readonly name: string = 'StartupError'
  readonly code = 'startup'
}

/** The database gave no answer in time, or no service just now. Asking again later may help; no other StartupError does. */
export class DatabaseUnreachableError extends StartupError {
  override readonly name = 'DatabaseUnreachableError'
}

/** The settings are wrong. The message has a line for each mistake, and each line names its variable; exit 2, no stack. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError'
  readonly code = 'configuration'
  readonly mistakes: readonly string[]
  constructor(mistakes: readonly string[], options?: ErrorOptions) {
    super(mistakes.join('\n'), options)
    this.mistakes = mistakes
  }
}
