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
 * An agent that connects only where `guard` lets it. A name is resolved once for each connection, by the connection itself,
 * and the addresses judged are the addresses tried: nothing can be bound anew in between. A name with any forbidden address
 * is refused. Limits of time beyond that of connecting are the request's own.
 */
export const createGuardedAgent = (guard: AddressGuard, lookUp: LookUp = lookUpName): Agent => {
  // undici's type of these leaves out `lookup`, which it hands on to net.connect and tls.connect.
  const connecting = { timeout: connectMsMax, allowH2: false, lookup: guardLookUp(guard, lookUp) }
  const connectPlainly = buildConnector(connecting)
  const connect: buildConnector.connector = (options, callback) => {
    const host = options.hostname.replace(/^\[|\]$/g, '')
    // An address in the URL is never looked up.
    if (isIP(host) !== 0 && !guard.allowsAddress(host)) {
      callback(new ForbiddenTargetError(host), null)
      return
    }
    connectPlainly(options, (...[error, socket]: Parameters<buildConnector.Callback>) => {
      const address = socket?.remoteAddress
      if (error !== null) {
        callback(error, null)
      } else if (address === undefined) {
        // Already over; that says nothing about where it led.
        socket.destroy()
        callback(Object.assign(new Error(`${host} ended the connection at once`), { code: 'ECONNRESET' }), null)
      } else if (guard.allowsName(host) || guard.allowsAddress(address)) {
        callback(null, socket)
      } else {
        // The lookup was bypassed somehow; no request has been sent.
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
