import { lookup } from 'node:dns/promises'
import { isIPv6 } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { StartupError } from '#application/diagnosis/startup-error.ts'

/** Listens on one address. A name with two addresses would be listened on twice, so it is looked up. Throws StartupError. */
export const listen = async (app: FastifyInstance, host: string, port: number): Promise<{ readonly url: string }> => {
  try {
    const { address } = await lookup(host)
    await app.listen({ host: address, port })
  } catch (error) {
    throw new StartupError(explain(error, host, port), { cause: error })
  }
  const bound = app.server.address()
  const boundPort = typeof bound === 'object' && bound !== null ? bound.port : port
  return { url: `http://${isIPv6(host) ? `[${host}]` : host}:${boundPort}` }
}

const explain = (error: unknown, host: string, port: number): string => {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
  switch (code) {
    case 'EADDRINUSE':
      return `port ${port} of ${host} is in use: set PORT to another one, or to 0 for any`
    case 'EACCES':
      return `port ${port} of ${host} may not be used by this account: set PORT to one above 1023`
    case 'EADDRNOTAVAIL':
      return `${host} is no address of this machine: set HOST to one that is`
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the host ${host} cannot be found: set HOST to an address of this machine`
    default:
      return `cannot listen on port ${port} of ${host}: ${code}`
  }
}
