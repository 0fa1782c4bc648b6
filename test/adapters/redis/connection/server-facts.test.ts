import { describe, expect, it, onTestFinished } from 'vitest'
import { createMemoryLogger } from '#adapters/memory/surroundings/logger.ts'
import { judgeServer, parseInfo } from '#adapters/redis/connection/server-facts.ts'
import { StartupError } from '#application/diagnosis/startup-error.ts'
import { hasRedisServer, startRedisServer } from '../../../support/redis-server.ts'
import { connectTo } from '../../../support/redis-worlds.ts'
import { startOldServer } from '../support/old-server.ts'

const toInfo = (fields: Readonly<Record<string, string>>): string =>
  `# Server\r\n${Object.entries(fields)
    .map(([name, value]) => `${name}:${value}\r\n`)
    .join('')}`

describe('the facts of a server', () => {
  it('are its product, its version, its policy and whether it belongs to a Cluster', () => {
    const redis = { redis_version: '7.0.15', maxmemory_policy: 'noeviction', cluster_enabled: '0' }
    expect(parseInfo(toInfo(redis))).toEqual({
      product: 'Redis',
      version: '7.0.15',
      topology: 'one-server',
      evictionPolicy: 'noeviction',
    })
    const valkey = { redis_version: '7.2.4', server_name: 'valkey', valkey_version: '8.1.0', cluster_enabled: '1' }
    expect(parseInfo(toInfo(valkey))).toEqual({
      product: 'Valkey',
      version: '8.1.0',
      topology: 'cluster',
      evictionPolicy: undefined,
    })
  })

  it.each(['7.0.0', '7.4.2', '8.0.1', '10.0.0'])('are those of a usable server at version %s', (version) => {
    expect(judgeServer(parseInfo(toInfo({ redis_version: version })))).toMatchObject({ kind: 'usable', warnings: [] })
  })

  it.each(['6.2.14', '2.8.0', ''])('are those of a server that is too old at version %j', (version) => {
    expect(judgeServer(parseInfo(toInfo({ redis_version: version }))).kind).toBe('too-old')
  })
})

describe('a process that starts', () => {
  it('does not when the server is too old', async () => {
    const server = await startOldServer('6.2.14')
    onTestFinished(() => server.close())
    const error: unknown = await connectTo({ url: server.url }).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(StartupError)
    expect(error).toMatchObject({ message: expect.stringContaining('6.2.14 is too old') })
  })

  it('does not with a URL that is malformed', async () => {
    await expect(connectTo({ url: 'redis:/localhost' })).rejects.toThrow(/^REDIS_URL /)
  })

  it.runIf(hasRedisServer())('warns of a server that evicts, and names the risk', async () => {
    const server = await startRedisServer(['--maxmemory', '50mb', '--maxmemory-policy', 'allkeys-lru'])
    onTestFinished(() => server.remove())
    const logger = createMemoryLogger()
    const redis = await connectTo({ url: server.url, logger })
    onTestFinished(() => redis.close())
    const warnings = logger.lines.filter(({ level }) => level === 'warn').map(({ message }) => message)
    expect(warnings).toEqual([expect.stringMatching(/maxmemory-policy is allkeys-lru: .*drop a whole queue/)])
    expect(redis.readHealth()).toMatchObject([{ name: 'redis', ok: true }])
  })

  it.runIf(hasRedisServer())('has nothing to warn of otherwise', async () => {
    const server = await startRedisServer()
    onTestFinished(() => server.remove())
    const logger = createMemoryLogger()
    const redis = await connectTo({ url: server.url, logger })
    onTestFinished(() => redis.close())
    expect(logger.lines.filter(({ level }) => level !== 'info')).toEqual([])
  })
})
