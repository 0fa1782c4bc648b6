import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { z } from 'zod'
import { ConfigurationError } from '#application/diagnosis/startup-error.ts'
import { namesMaxDefault } from '#application/ports/heads/routes.ts'
import { type BuiltInType, builtInTypes } from '#adapters/handlers/built-in/built-in-types.ts'
import { withRedisPassword } from '#adapters/redis/connection/redis-url.ts'
import { logLevels } from '#adapters/telemetry/logger.ts'
import type { DatabaseSettings } from '#adapters/postgres/connection/database-settings.ts'
import { type DatabaseConfig, readDatabaseConfig } from './database-config.ts'
import { findMisspeltVariables, type MisspeltVariable } from './misspelt-variables.ts'

/** What one process does. */
export type Role = 'api' | 'worker' | 'maintenance'

/** Every role in one process: what `npm start` runs. */
export const allRoles: readonly Role[] = ['api', 'worker', 'maintenance']

/** The settings of a process, complete and judged. */
export interface Config {
  readonly roles: readonly Role[]
  readonly host: string
  readonly port: number
  readonly database: DatabaseSettings | undefined
  /** For what needs a session of its own; undefined: the same as the database. */
  readonly databaseDirect: DatabaseSettings | undefined
  /** How long a start waits for servers that are not up yet. */
  readonly startWaitMs: number
  readonly dataDir: string
  /** Undefined: the queue is in Postgres. */
  readonly redisUrl: string | undefined
  readonly redisPrefix: string
  readonly traceUrlTemplate: string | undefined
  readonly handlers: readonly string[]
  /** Undefined: a worker serves every queue. */
  readonly queues: readonly string[] | undefined
  readonly concurrency: number
  /** How many suspected tasks a worker runs at a time, each in a process of its own. */
  readonly isolatedMax: number
  readonly leaseMs: number
  readonly beatMs: number
  readonly sweepMs: number
  readonly reconcileMs: number
  readonly drainMs: number
  readonly logLevel: (typeof logLevels)[number]
  readonly smtpUrl: string | undefined
  readonly httpTargetAllow: readonly string[]
  /** Undefined: anybody. */
  readonly emailSenders: readonly string[] | undefined
  /** The built-in types that are on. */
  readonly builtIn: readonly BuiltInType[]
  /** Names of `Host` beside those of loopback and of `host`. */
  readonly allowedHosts: readonly string[]
  /** How many names of queues and of types there may be together. */
  readonly namesMax: number
}

const milliseconds = (least: number, most: number) => whole(least, most, ' milliseconds')

const whole = (least: number, most: number, unit = '') =>
  z
    .string()
    .regex(/^\d{1,10}$/, `must be a whole number${unit === '' ? '' : ` of${unit}`}`)
    .transform(Number)
    .refine((value) => value >= least && value <= most, `must be ${least} to ${most}${unit}`)

const urlOf = (...protocols: readonly string[]) =>
  z
    .string()
    .refine(
      (text) =>
        protocols.some((protocol) => text.startsWith(`${protocol}://`)) && (URL.canParse(text) || text.includes(',')),
      `must be a URL that begins with ${protocols.map((protocol) => `${protocol}://`).join(' or ')}`,
    )

const namesOf = (text: string): readonly string[] =>
  text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')

const names = z.string().transform(namesOf)

const queueNames = names.refine(
  (queues) => queues.length > 0 && queues.every((queue) => /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/.test(queue)),
  'must be comma-separated names of queues: letters, digits and . _ : - after a letter or digit, at most 128 each',
)

const builtIn = names.transform((types, context) => {
  const known = builtInTypes.filter((type) => types.includes(type))
  if (known.length === new Set(types).size) return known
  context.issues.push({ code: 'custom', message: `must be of ${builtInTypes.join(', ')}`, input: types })
  return z.NEVER
})

const senders = names.refine(
  (items) => items.length > 0 && items.every((item) => /^[^@\s]*@[^@\s]+$/.test(item)),
  'must be comma-separated addresses, or domains after an @',
)

const hostNames = names.refine(
  (items) => items.length > 0 && items.every((item) => /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)$/i.test(item)),
  'must be comma-separated names or addresses of hosts, without ports',
)

const traceUrlTemplate = z
  .string()
  .refine((text) => text.includes('{traceId}'), 'must contain {traceId}')
  .refine((text) => /^https?:\/\//.test(text) && URL.canParse(text.replaceAll('{traceId}', 'a')), 'must be an http URL')

/**
 * Every variable, as api.md names it. An unset variable and an empty one mean the same. The README's table is compared with
 * these names and defaults by a test.
 */
const variables = {
  HOST: z.string().default('127.0.0.1'),
  PORT: whole(0, 65_535).optional(),
  // Judged by database-config.ts, together with the variables of libpq.
  DATABASE_URL: z.string().optional(),
  DATABASE_DIRECT_URL: z.string().optional(),
  TASKFOLD_DATA_DIR: z.string().default('.taskfold'),
  REDIS_URL: urlOf(
    'redis',
    'rediss',
    'redis+sentinel',
    'redis+cluster',
    'rediss+sentinel',
    'rediss+cluster',
  ).optional(),
  REDIS_PASSWORD: z.string().optional(),
  REDIS_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9._:-]{1,64}$/, 'must be 1 to 64 letters, digits or . _ : -')
    .default('taskfold'),
  TRACE_URL_TEMPLATE: traceUrlTemplate.optional(),
  HANDLERS: names.optional(),
  QUEUES: queueNames.optional(),
  CONCURRENCY: whole(1, 10_000).default(50),
  LEASE_MS: milliseconds(1_000, 3_600_000).default(15_000),
  BEAT_MS: milliseconds(100, 1_200_000).default(3_000),
  SWEEP_MS: milliseconds(100, 1_200_000).default(2_000),
  RECONCILE_MS: milliseconds(100, 600_000).default(2_000),
  DRAIN_MS: milliseconds(0, 86_400_000).default(30_000),
  START_WAIT_MS: milliseconds(0, 3_600_000).default(30_000),
  ISOLATED_MAX: whole(1, 1_000).optional(),
  LOG_LEVEL: z.enum(logLevels, `must be one of ${logLevels.join(', ')}`).default('info'),
  SMTP_URL: urlOf('smtp', 'smtps').optional(),
  HTTP_TARGET_ALLOW: names.optional(),
  BUILT_IN: builtIn.optional(),
  EMAIL_SENDERS: senders.optional(),
  ALLOWED_HOSTS: hostNames.optional(),
  NAMES_MAX: whole(1, 1_000_000).default(namesMaxDefault),
}

const environment = z.object(variables)

type Environment = z.output<typeof environment>

/** The variables in the order of the table, each with its default as text, or undefined when it has none. */
export const listVariables = (): readonly { readonly name: string; readonly byDefault: string | undefined }[] =>
  Object.entries(variables).map(([name, schema]) => {
    const parsed = schema.safeParse(undefined)
    return { name, byDefault: parsed.success && parsed.data !== undefined ? String(parsed.data) : undefined }
  })

/**
 * The settings of a process that runs `roles`, from the environment: read here and nowhere else.
 *
 * Throws ConfigurationError with a line for each mistake; no line repeats a value, which may be a secret.
 */
export const readConfig = (
  roles: readonly Role[],
  given: Readonly<Record<string, string | undefined>> = process.env,
): Config => {
  const set = Object.fromEntries(Object.entries(given).filter(([name, value]) => name in variables && value !== ''))
  const parsed = environment.safeParse(set)
  const mistakes = parsed.success ? [] : parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`)
  if (parsed.success) mistakes.push(...findContradictions(roles, parsed.data))
  else if (isRoleAlone(roles) && set['DATABASE_URL'] === undefined) mistakes.push(databaseMissing)
  const databases = readDatabaseConfig(given)
  mistakes.push(...databases.mistakes)
  if (!parsed.success || mistakes.length > 0) throw new ConfigurationError(mistakes)
  return toConfig(roles, parsed.data, databases)
}

/** The variables that are set and look like one of ours: nothing reads them. */
export const listMisspeltVariables = (
  given: Readonly<Record<string, string | undefined>> = process.env,
): readonly MisspeltVariable[] => findMisspeltVariables(given, Object.keys(variables))

/** What opens our stores and our mail server, and what libpq would take in its place. */
const secretVariables =
  /^(DATABASE(_DIRECT)?_URL|REDIS_(URL|PASSWORD)|SMTP_URL|PG(PASSWORD|PASSFILE|SERVICEFILE)|OTEL_EXPORTER_OTLP_.*HEADERS)$/

/** The environment for a process that runs a handler under suspicion: nothing in it opens what belongs to the fleet. */
export const readEnvironmentWithoutSecrets = (
  given: Readonly<Record<string, string | undefined>> = process.env,
): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(given).flatMap(([name, value]) =>
      value === undefined || secretVariables.test(name) ? [] : [[name, value]],
    ),
  )

const isRoleAlone = (roles: readonly Role[]): boolean => roles.length < allRoles.length

const databaseMissing =
  'DATABASE_URL must be set for a role alone: only all of them together have the embedded PostgreSQL'

const findContradictions = (roles: readonly Role[], set: Environment): readonly string[] => {
  const thirdOfLeaseMs = set.LEASE_MS / 3
  return [
    ...(set.BEAT_MS > thirdOfLeaseMs ? ['BEAT_MS must be at most a third of LEASE_MS'] : []),
    ...(set.SWEEP_MS > thirdOfLeaseMs ? ['SWEEP_MS must be at most a third of LEASE_MS'] : []),
    ...(isRoleAlone(roles) && set.DATABASE_URL === undefined ? [databaseMissing] : []),
  ]
}

const defaultPort = 3_000
const isolatedMaxLeast = 4

const toConfig = (roles: readonly Role[], set: Environment, databases: DatabaseConfig): Config => ({
  roles,
  host: set.HOST,
  port: set.PORT ?? (roles.includes('api') ? defaultPort : 0),
  database: databases.database,
  databaseDirect: databases.databaseDirect,
  startWaitMs: set.START_WAIT_MS,
  dataDir: resolve(set.TASKFOLD_DATA_DIR),
  redisUrl: set.REDIS_URL === undefined ? undefined : withRedisPassword(set.REDIS_URL, set.REDIS_PASSWORD),
  redisPrefix: set.REDIS_PREFIX,
  traceUrlTemplate: set.TRACE_URL_TEMPLATE,
  handlers: set.HANDLERS ?? [],
  queues: set.QUEUES,
  concurrency: set.CONCURRENCY,
  isolatedMax: set.ISOLATED_MAX ?? Math.max(isolatedMaxLeast, 2 * availableParallelism()),
  leaseMs: set.LEASE_MS,
  beatMs: set.BEAT_MS,
  sweepMs: set.SWEEP_MS,
  reconcileMs: set.RECONCILE_MS,
  drainMs: set.DRAIN_MS,
  logLevel: set.LOG_LEVEL,
  smtpUrl: set.SMTP_URL,
  httpTargetAllow: set.HTTP_TARGET_ALLOW ?? [],
  emailSenders: set.EMAIL_SENDERS,
  allowedHosts: set.ALLOWED_HOSTS ?? [],
  namesMax: set.NAMES_MAX,
  // Those for trying out are open to whoever may submit: with a database of one's own they have to be asked for.
  builtIn: set.BUILT_IN ?? (set.DATABASE_URL === undefined ? builtInTypes : ['http.request', 'email.send']),
})

/** Which signals OpenTelemetry sends, and under which name. */
export interface TelemetrySettings {
  readonly signals: ReadonlySet<'traces' | 'metrics' | 'logs'>
  /** Undefined: the variables of OpenTelemetry name the service. */
  readonly serviceName: string | undefined
}

const telemetrySignals = ['traces', 'metrics', 'logs'] as const

/**
 * The signals that OpenTelemetry's variables ask for; undefined for none, and then no package of OpenTelemetry is loaded. A
 * signal is wanted where it has an exporter or an endpoint of its own, or where there is an endpoint for all; `none` and
 * `OTEL_SDK_DISABLED` win. The SDK's own default would be to look for a collector on this host.
 */
export const findTelemetrySettings = (
  given: Readonly<Record<string, string | undefined>> = process.env,
): TelemetrySettings | undefined => {
  const read = (name: string): string => (given[name] ?? '').trim()
  if (read('OTEL_SDK_DISABLED').toLowerCase() === 'true') return undefined
  const isWanted = (signal: (typeof telemetrySignals)[number]): boolean => {
    const exporter = read(`OTEL_${signal.toUpperCase()}_EXPORTER`)
    if (exporter !== '') return !exporter.split(',').includes('none')
    const own = read(`OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_ENDPOINT`)
    return own !== '' || read('OTEL_EXPORTER_OTLP_ENDPOINT') !== ''
  }
  const signals = new Set(telemetrySignals.filter(isWanted))
  if (signals.size === 0) return undefined
  const isNamed = read('OTEL_SERVICE_NAME') !== '' || /(^|,)\s*service\.name=/.test(read('OTEL_RESOURCE_ATTRIBUTES'))
  return { signals, serviceName: isNamed ? undefined : 'taskfold' }
}
