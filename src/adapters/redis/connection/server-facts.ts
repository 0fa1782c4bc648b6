import type { CommandConnection } from './open-connection.ts'
import { messageOf } from './errors.ts'

/** What a server says of itself in INFO. */
export interface RedisServerFacts {
  readonly product: 'Redis' | 'Valkey'
  readonly version: string
  readonly topology: 'one-server' | 'cluster'
  /** Which keys the server drops when its memory is full; undefined when it does not say. */
  readonly evictionPolicy: string | undefined
}

export type ServerFinding =
  /** `warnings` are for the log: each names a risk and what would prevent it. */
  | { readonly kind: 'usable'; readonly facts: RedisServerFacts | undefined; readonly warnings: readonly string[] }
  | { readonly kind: 'too-old'; readonly message: string }

const oldestVersion = 7

/** Asks a server what it is. One whose INFO this user may not read is taken to be new enough, with a warning. */
export const checkRedis = async (connection: CommandConnection): Promise<ServerFinding> => {
  try {
    return judgeServer(parseInfo(await connection.info()))
  } catch (error) {
    if (!messageOf(error).startsWith('NOPERM')) throw error
    const warning = 'This user may not read INFO, so version and eviction policy could not be checked'
    return { kind: 'usable', facts: undefined, warnings: [warning] }
  }
}

/** BZMPOP came with Redis 7.0; Valkey began after it. */
export const judgeServer = (facts: RedisServerFacts): ServerFinding => {
  const { product, version, evictionPolicy } = facts
  if (!(Number.parseInt(version, 10) >= oldestVersion)) {
    return { kind: 'too-old', message: `${product} ${version} is too old: ${oldestVersion}.0 or later is needed` }
  }
  const evicts = evictionPolicy !== undefined && evictionPolicy !== 'noeviction'
  return { kind: 'usable', facts, warnings: evicts ? [toEvictionWarning(evictionPolicy)] : [] }
}

const toEvictionWarning = (policy: string): string =>
  `maxmemory-policy is ${policy}: when its memory is full, Redis may drop a whole queue of hints at once, and its tasks ` +
  'wait for the next pass of the reconciler; noeviction prevents that'

/** Reads the lines of INFO; Valkey gives its own version beside the one of Redis that it is compatible with. */
export const parseInfo = (info: string): RedisServerFacts => {
  const fields = parseInfoFields(info)
  const valkeyVersion = fields.get('valkey_version')
  return {
    product: valkeyVersion === undefined ? 'Redis' : 'Valkey',
    version: valkeyVersion ?? fields.get('redis_version') ?? 'of unknown version',
    topology: fields.get('cluster_enabled') === '1' ? 'cluster' : 'one-server',
    evictionPolicy: fields.get('maxmemory_policy'),
  }
}

/** The fields of all sections of INFO. */
export const parseInfoFields = (info: string): ReadonlyMap<string, string> =>
  new Map(
    info.split(/\r?\n/).flatMap((line): [string, string][] => {
      const colon = line.indexOf(':')
      return colon > 0 ? [[line.slice(0, colon), line.slice(colon + 1)]] : []
    }),
  )
