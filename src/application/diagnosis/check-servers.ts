import { StartupError } from './startup-error.ts'
import type { DatabaseProbe, DatabaseServer, QueueServer, QueueServerProbe } from '../ports/diagnostics.ts'
import { type Finding, nameSome, ok, trouble, warning } from './finding.ts'

/** Whether the server answers, stores safely and has connections left. */
export const checkDatabase = async (probe: DatabaseProbe): Promise<readonly Finding[]> => {
  const server = await answerOrRefusal(probe.readServer())
  if (server instanceof StartupError) return [toUnreachable(server, 'DATABASE_URL')]
  if (server.fault !== undefined) {
    return [trouble('database-unfit', server.fault, 'use a PostgreSQL 15 or later that writes safely, in UTF8')]
  }
  return [ok('database', `PostgreSQL ${server.version} answers`), ...judgeSettings(server), judgeConnections(server)]
}

const judgeSettings = ({ synchronousCommit, fullPageWrites, readOnly }: DatabaseServer): readonly Finding[] => {
  const findings: Finding[] = []
  if (['off', 'local'].includes(synchronousCommit)) {
    findings.push(
      warning(
        'synchronous-commit-off',
        `synchronous_commit is ${synchronousCommit}: appends set it to on for themselves, all else may be lost in a crash`,
        'alter system, database or role set synchronous_commit = on',
      ),
    )
  }
  if (fullPageWrites !== 'on') {
    findings.push(
      trouble('full-page-writes-off', 'a crash may leave torn pages', 'alter system set full_page_writes = on'),
    )
  }
  if (readOnly !== 'off') {
    findings.push(
      trouble(
        'database-read-only',
        'transactions are read-only',
        'unset default_transaction_read_only, or go to the primary',
      ),
    )
  }
  return findings.length > 0 ? findings : [ok('durability', 'what is committed is on the disk')]
}

/** Beyond this share the next process that starts may find no connection. */
const connectionsShareMax = 0.9

const judgeConnections = ({ connections, connectionsMax }: DatabaseServer): Finding => {
  const what = `${connections} of ${connectionsMax} connections are taken`
  return connections < connectionsMax * connectionsShareMax
    ? ok('connections', what)
    : warning('connections-scarce', what, 'raise max_connections, or put a pooler before the database')
}

/** Whether this release and the database belong together. Its code is `migrations` when they do, and only then. */
export const checkMigrations = async (probe: DatabaseProbe): Promise<readonly Finding[]> => {
  const state = await answerOrRefusal(probe.readMigrations())
  if (state instanceof StartupError) return [toUnreachable(state, 'DATABASE_DIRECT_URL')]
  switch (state.kind) {
    case 'current':
      return [ok('migrations', 'the database is of this release')]
    case 'pending': {
      const what = `not applied yet: ${nameSome(state.names)}`
      return [trouble('migrations-pending', what, 'run `taskfold migrate`, or start any role, which does the same')]
    }
    case 'later-release': {
      const what = `a later release has migrated the database (${nameSome(state.names)})`
      return [trouble('later-release', what, 'run that release, or one after it: migrations only go forward')]
    }
    case 'unsupported': {
      const what = `the schema taskfold was made before the first release (${state.name}) and cannot be migrated`
      const toDo = 'make it anew with `drop schema taskfold cascade`, which deletes its tasks, or use another database'
      return [trouble('schema-unsupported', what, toDo)]
    }
  }
}

/** Whether notifications arrive over the direct connection. They do not when it leads through a pooler in transaction mode. */
export const checkNotifications = async (probe: DatabaseProbe): Promise<readonly Finding[]> => {
  const heard = await answerOrRefusal(probe.hearNotification())
  if (heard instanceof StartupError) return [toUnreachable(heard, 'DATABASE_DIRECT_URL')]
  return heard === 'heard'
    ? [ok('notifications', 'notifications arrive')]
    : [
        warning(
          'notifications-unheard',
          'no notification arrives: cancels, and tasks while the queue is in PostgreSQL, are noticed later',
          'set DATABASE_DIRECT_URL to the database itself, past any pooler',
        ),
      ]
}

const toUnreachable = ({ message }: StartupError, variable: string): Finding =>
  trouble(
    variable === 'DATABASE_URL' ? 'database-unreachable' : 'direct-connection-unreachable',
    message,
    `start the server, or correct ${variable}`,
  )

/** The answer, or the StartupError in which the server refuses one in a line for a person. */
const answerOrRefusal = async <Answer>(answer: Promise<Answer>): Promise<Answer | StartupError> => {
  try {
    return await answer
  } catch (error) {
    if (error instanceof StartupError) return error
    throw error
  }
}

/** Whether Redis, where there is one, can hold the queue. */
export const checkQueueServer = async (probe: QueueServerProbe | undefined): Promise<readonly Finding[]> => {
  if (probe === undefined) return [ok('queue', 'the queue is in PostgreSQL')]
  let server: QueueServer
  try {
    server = await probe.readServer()
  } catch (error) {
    if (error instanceof StartupError) return [trouble('redis-refused', error.message, 'correct REDIS_URL')]
    const what = `Redis gave no answer: ${error instanceof Error ? error.message : String(error)}`
    return [
      trouble('redis-unreachable', what, 'start it or correct REDIS_URL; tasks go by way of the database meanwhile'),
    ]
  }
  if (server.fault !== undefined) return [trouble('redis-too-old', server.fault, 'use Redis or Valkey 7.0 or later')]
  return [ok('redis', `${server.product} answers`), ...judgeQueueServer(server)]
}

const judgeQueueServer = ({ role, evictionPolicy, usedBytes, bytesMax }: QueueServer): readonly Finding[] => {
  const findings: Finding[] = []
  if (role === 'replica') {
    findings.push(trouble('redis-replica', 'REDIS_URL leads to a replica, which takes no writes', 'name the master'))
  }
  if (evictionPolicy !== undefined && evictionPolicy !== 'noeviction') {
    const what = `maxmemory-policy is ${evictionPolicy}: a full Redis may drop whole queues of hints at once`
    findings.push(warning('redis-evicts', what, 'config set maxmemory-policy noeviction, and in its configuration'))
  }
  if (bytesMax !== undefined && usedBytes > bytesMax * redisShareMax) {
    const what = `${toMebibytes(usedBytes)} of ${toMebibytes(bytesMax)} MiB are in use`
    findings.push(warning('redis-full', what, 'raise maxmemory, or give the queue a Redis of its own'))
  }
  return findings
}

const redisShareMax = 0.9
const toMebibytes = (bytes: number): string => (bytes / 1_048_576).toFixed(0)
