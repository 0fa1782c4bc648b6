import { lookup as lookUpName, type LookupAddress, type LookupOptions } from 'node:dns'
import { isIP } from 'node:net'
import { Agent, buildConnector } from 'undici'
import { type AddressGuard, ForbiddenTargetError } from './address-guard.ts'

/** Resolves a name to all its addresses, as `dns.lookup` does. */
export type LookUp = (
  host: string,
  options: LookupOptions & { readonly all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void

const connectMsMax = 10_000

/**
 * An agent that connects only where `guard` allows it. A name is resolved once for each connection, by the connection
 * itself, and the addresses that are judged are those that are tried: the name cannot be rebound in between. A name with any
 * forbidden address is refused. Connecting may take 10 s; the request bounds everything after that.
 */
export const createGuardedAgent = (guard: AddressGuard, lookUp: LookUp = lookUpName): Agent => {
  // The type in undici lacks `lookup`, but undici hands it on to net.connect and tls.connect.
  const connecting = { timeout: connectMsMax, allowH2: false, lookup: guardLookUp(guard, lookUp) }
  const connectPlainly = buildConnector(connecting)
  const connect: buildConnector.connector = (options, callback) => {
    const host = options.hostname.replace(/^\[|\]$/g, '')
    // An address in the URL is not looked up, so that `lookup` does not judge it.
    if (isIP(host) !== 0 && !guard.allowsAddress(host)) {
      callback(new ForbiddenTargetError(host), null)
      return
    }
    connectPlainly(options, (...[error, socket]: Parameters<buildConnector.Callback>) => {
      const address = socket?.remoteAddress
      if (error !== null) {
        callback(error, null)
      } else if (address === undefined) {
        // The connection is closed already, and its address is not known.
        socket.destroy()
        callback(Object.assign(new Error(`${host} ended the connection at once`), { code: 'ECONNRESET' }), null)
      } else if (guard.allowsName(host) || guard.allowsAddress(address)) {
        callback(null, socket)
      } else {
        // A second line of defence, should a connection bypass the lookup: no request has been sent yet.
        socket.destroy()
        callback(new ForbiddenTargetError(host), null)
      }
    })
  }
  return new Agent({ connect, headersTimeout: 0, bodyTimeout: 0 })
}

type AnyLookUpCallback = (
  error: NodeJS.ErrnoException | null,
  address: string | LookupAddress[],
  family?: number,
) => void

const guardLookUp =
  (guard: AddressGuard, lookUp: LookUp) =>
  (host: string, options: LookupOptions, callback: AnyLookUpCallback): void => {
    lookUp(host, { ...options, all: true }, (error, addresses) => {
      const [first] = addresses ?? []
      if (error !== null || first === undefined) {
        callback(error ?? Object.assign(new Error(`${host} has no address`), { code: 'ENOTFOUND' }), [])
      } else if (!guard.allowsName(host) && !addresses.every(({ address }) => guard.allowsAddress(address))) {
        callback(new ForbiddenTargetError(host), [])
      } else if (options.all === true) {
        callback(null, addresses)
      } else {
        callback(null, first.address, first.family)
      }
    })
  }
