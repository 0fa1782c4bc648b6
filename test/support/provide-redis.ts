import { hasContainerRuntime, tellNoContainer } from './container-runtime.ts'
import { hasRedisServer, startRedisServer } from './redis-server.ts'

/** A server in which tests may use keys of their own. */
export interface ProvidedRedis {
  readonly url: string
  readonly from: 'TEST_REDIS_URL' | 'a container' | 'a server of our own'
  release(): Promise<void>
}

const image = 'redis:8'
const port = 6_379

/**
 * The first of: the server that `TEST_REDIS_URL` names; a container; a `redis-server` from PATH on a free port, in a
 * temporary folder. Undefined when there is none of them.
 */
export const provideRedis = async (): Promise<ProvidedRedis | undefined> => {
  const given = process.env['TEST_REDIS_URL']
  if (given !== undefined && given !== '') {
    return { url: given, from: 'TEST_REDIS_URL', release: () => Promise.resolve() }
  }
  return (await startContainer()) ?? (await startOwn())
}

const startContainer = async (): Promise<ProvidedRedis | undefined> => {
  if (!(await hasContainerRuntime())) return undefined
  const { RedisContainer } = await import('@testcontainers/redis')
  const container = await new RedisContainer(image)
    .withCommand([...openServer])
    .start()
    .catch(tellNoContainer(image))
  if (container === undefined) return undefined
  return {
    url: `redis://${container.getHost()}:${container.getMappedPort(port)}`,
    from: 'a container',
    release: async () => void (await container.stop()),
  }
}

/** Said outright: not every build of the image turns protection off when it is given a command. */
const openServer = ['redis-server', '--bind', '0.0.0.0', '--protected-mode', 'no', '--save', '']

const startOwn = async (): Promise<ProvidedRedis | undefined> => {
  if (!hasRedisServer()) return undefined
  const server = await startRedisServer()
  return { url: server.url, from: 'a server of our own', release: () => server.remove() }
}

/**
 * Says once, for all suites that are passed over, what was missing; ends a run that must not pass any over. A Redis that is
 * given is enough for some of them; those that break one need `redis-server` in PATH.
 */
export const reportMissingRedis = (redis: ProvidedRedis | undefined): void => {
  if (redis !== undefined && hasRedisServer()) return
  const message =
    redis === undefined
      ? 'NO REDIS: set TEST_REDIS_URL, start Docker, or put redis-server into PATH. These suites did not run: ' +
        'test/contracts/redis.test.ts, test/adapters/redis, and all others that need a Redis.'
      : 'NO redis-server IN PATH. These suites did not run: test/adapters/redis, Cluster and Sentinel in ' +
        'test/contracts/redis.test.ts, and all others that start or stop a Redis.'
  if (process.env['CI'] === 'true') throw new Error(message)
  process.stderr.write(`\n${message}\n\n`)
}
