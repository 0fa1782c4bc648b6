import { Command, CommanderError } from 'commander'
import { systemClock } from '#adapters/system/clock.ts'
import { systemTimers } from '#adapters/system/timers.ts'
import { createLogger, type ProcessLogger } from '#adapters/telemetry/logger.ts'
import { noTelemetry, type Telemetry } from '#adapters/telemetry/telemetry.ts'
import { ConfigurationError, StartupError } from '#application/diagnosis/startup-error.ts'
import { withDeadline } from '#application/mechanisms/with-deadline.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import { watchForBreakdown } from './breakdown.ts'
import { allRoles, type Config, listMisspeltVariables, readConfig, type Role } from './config.ts'
import { adoptForeignLines } from './foreign-lines.ts'
import { endsAtHangup, readTerminal } from './hangup.ts'
import { release } from './release.ts'
import { watchForShutdown } from './shutdown.ts'
import type { RunningRoles } from './start-roles.ts'

/** How the process ends, as shells read it. */
const exitCodes = {
  drained: 0,
  cannotStart: 1,
  brokeDown: 1,
  trouble: 1,
  wrongSettings: 2,
  SIGHUP: 129,
  SIGINT: 130,
  SIGTERM: 143,
} as const

/** How long a start may take to notice that the process is to end. */
const startEndMs = 5_000
/** How long the reader of the log may take for the last lines. */
const lastLinesMs = 500

/** Runs the command that the command line names, and ends the process when it is over. launcher.mjs calls it. */
export const main = async (words: readonly string[], telemetry: Telemetry = noTelemetry): Promise<void> => {
  const program = new Command('taskfold')
    .description('A distributed task scheduler that remembers everything.')
    .version(release.version)
    .exitOverride()
  program
    .command('all', { isDefault: true })
    .description('the API, a worker and maintenance in one process (what no word means)')
    .action(() => run(allRoles, telemetry))
  program
    .command('api')
    .description('the HTTP interface')
    .action(() => run(['api'], telemetry))
  program
    .command('worker')
    .description('runs tasks')
    .action(() => run(['worker'], telemetry))
  program
    .command('maintenance')
    .description('recovers lost runs and hints')
    .action(() => run(['maintenance'], telemetry))
  program
    .command('migrate')
    .description('brings the database to this release, and ends')
    .option('--grant-to <role>', 'gives that role what it needs to run: it need not own the tables')
    .action((words: { readonly grantTo?: string }) =>
      runOnce(telemetry, async (config, logger, owned) =>
        (await import('./commands/run-migrate.ts')).runMigrate(config, logger, owned, words),
      ),
    )
  program
    .command('rebuild')
    .description('writes the heads of all tasks anew from their events, and ends; a fleet may be at work meanwhile')
    .action(() =>
      runOnce(telemetry, async (config, logger, owned) =>
        (await import('./commands/run-rebuild.ts')).runRebuild(config, logger, owned),
      ),
    )
  program
    .command('doctor')
    .description('examines the whole installation and says what to do; exit code 1 when there is trouble')
    .option('--json', 'one JSON document for programs')
    .action(({ json }: { readonly json?: true }) =>
      runOnce(telemetry, async (config, logger, owned) => {
        const { runDoctor } = await import('./commands/run-doctor.ts')
        const result = await runDoctor(config, logger, owned, { form: json === true ? 'json' : 'text' })
        if (result === 'trouble') process.exitCode = exitCodes.trouble
      }),
    )
  try {
    assertKnown(program, words[0])
    await program.parseAsync(words, { from: 'user' })
  } catch (error) {
    process.exit(toExitCode(error))
  }
}

/** To commander an unknown word is an argument too many for the command that no word means. Throws CommanderError. */
const assertKnown = (program: Command, word = '--'): void => {
  if (word.startsWith('-') || word === 'help' || program.commands.some((command) => command.name() === word)) return
  program.error(`error: there is no command ${word}; taskfold --help lists those there are`, {
    code: 'unknown-command',
  })
}

const run = async (roles: readonly Role[], telemetry: Telemetry): Promise<void> => {
  const config = readConfig(roles)
  const logger = await openLog(config)
  for (const { name, meant } of listMisspeltVariables()) {
    logger.warn({ name, meant }, 'a variable was not read: it looks like one of ours with a mistake in it')
  }
  let running: RunningRoles | undefined
  watchForBreakdown({
    source: process,
    timers: systemTimers,
    logger,
    breakDown: async (escaped) => running?.breakDown(escaped),
    endNow: () => process.exit(exitCodes.brokeDown),
  })
  const shutdown = watchForShutdown({
    source: process,
    hangup: endsAtHangup(readTerminal()) ? 'ends' : 'ignored',
    monotonicMs: () => systemClock.monotonicMs(),
    endNow: ({ signal }) => {
      running?.abandon()
      process.exit(exitCodes[signal])
    },
  })
  const { startRoles } = await import('./start-roles.ts')
  const owned = new AsyncDisposableStack()
  const starting = startRoles(config, logger, { telemetry }, owned)
  const early = await Promise.race([starting.then(() => undefined), shutdown.requested])
  if (early === undefined) {
    running = await starting
    announce(config, running)
  }
  const { signal } = await shutdown.requested
  logger.info({ signal }, 'was asked to end')
  await owned.disposeAsync()
  // A start that is not over is waited for: it may have brought up a database that it does not own yet.
  await withDeadline(starting, startEndMs, () => new Error('the start did not end')).catch(() => {})
  await telemetry.shutdown(logger)
  logger.info({}, 'ended')
  await logger.settle(lastLinesMs)
  // Explicit, because a handler that ignores its signal may still hold the event loop.
  process.exit(exitCodes.drained)
}

const openLog = async ({ logLevel: level }: Config): Promise<ProcessLogger> => {
  const logger = await createLogger({ level, form: process.stderr.isTTY ? 'pretty' : 'json' })
  adoptForeignLines({ source: process, lines: console, logger })
  return logger
}

/** For a command that ends by itself. The command loads its own modules, so that the start of a role does not. */
const runOnce = async (
  telemetry: Telemetry,
  command: (config: Config, logger: Logger, owned: AsyncDisposableStack) => Promise<void>,
): Promise<void> => {
  const config = readConfig(allRoles)
  const logger = await openLog(config)
  await using owned = new AsyncDisposableStack()
  const interruption = endWhenAsked(logger, owned)
  await command(config, logger, owned).catch((error: unknown) => {
    // What it owns is being closed under it: that is no failure of its own.
    if (interruption.state() === 'under-way') return interruption.end
    throw error
  })
  await telemetry.shutdown(logger)
}

/** A command that is told to end is cut off where it is; what it owns is closed, an embedded database above all. */
const endWhenAsked = (
  logger: Logger,
  owned: AsyncDisposableStack,
): { readonly state: () => 'none' | 'under-way'; readonly end: Promise<void> } => {
  let state: 'none' | 'under-way' = 'none'
  const { requested } = watchForShutdown({
    source: process,
    hangup: endsAtHangup(readTerminal()) ? 'ends' : 'ignored',
    monotonicMs: () => systemClock.monotonicMs(),
    endNow: ({ signal }) => process.exit(exitCodes[signal]),
  })
  const end = requested.then(async ({ signal }) => {
    state = 'under-way'
    logger.info({ signal }, 'was asked to end')
    await owned.disposeAsync()
    process.exit(exitCodes[signal])
  })
  return { state: () => state, end }
}

/** The first line on standard output has the address: log lines go to standard error. */
const announce = ({ roles, builtIn }: Config, { url, queue }: RunningRoles): void => {
  const lines = [`Taskfold ${release.version} at ${url} (${roles.join(', ')}; queue: ${queue})`]
  if (roles.includes('api')) {
    const firstType = builtIn.includes('demo.echo') ? 'demo.echo' : 'a.type.of.yours'
    lines.push(
      'Submit the first task:',
      `  curl -s ${url}/api/tasks -H 'content-type: application/json' -d '{"type":"${firstType}","payload":{"hello":"world"}}'`,
      `Reference: ${url}/api/docs`,
    )
  }
  process.stdout.write(`${lines.join('\n')}\n`)
}

const toExitCode = (error: unknown): number => {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.wrongSettings
  if (error instanceof ConfigurationError) {
    for (const mistake of error.mistakes) process.stderr.write(`${mistake}\n`)
    return exitCodes.wrongSettings
  }
  process.stderr.write(`${error instanceof StartupError ? error.message : describe(error)}\n`)
  return exitCodes.cannotStart
}

/** With the stack: the error was not foreseen, so its message alone does not help. */
const describe = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error))
