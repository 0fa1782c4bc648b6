import ipaddr from 'ipaddr.js'
import { ConfigurationError } from '#application/diagnosis/startup-error.ts'

/** Judges where a request may go. Names are compared in lower case, without a trailing dot. */
export interface AddressGuard {
  /** The host was allowed by its name, so whatever it resolves to is. */
  allowsName(host: string): boolean
  /** Whether an address, in text, may be connected to: a public unicast one, or one that was allowed. */
  allowsAddress(address: string): boolean
}

/** The target is one that the guard refuses. The message names the host and never what it resolves to. */
export class ForbiddenTargetError extends Error {
  override readonly name = 'ForbiddenTargetError'
  readonly code = 'forbidden-target'
  constructor(host: string) {
    super(
      `${host.slice(0, 253)} may not be requested: it is, or resolves to, an address that is not public, and HTTP_TARGET_ALLOW does not list it`,
    )
  }
}

type Address = ipaddr.IPv4 | ipaddr.IPv6
type Block = readonly [Address, number]

/**
 * A guard that lets public unicast addresses pass, and beside them `allow`: host names, addresses and CIDR blocks. An
 * IPv4-mapped IPv6 address is the IPv4 address it maps, in both.
 *
 * Throws ConfigurationError with a line for each item of `allow` that is none of these.
 */
export const createAddressGuard = (allow: readonly string[]): AddressGuard => {
  const items = allow.map(parseItem)
  const mistakes = items.flatMap((item) => (item.kind === 'mistake' ? [item.text] : []))
  if (mistakes.length > 0) throw new ConfigurationError(mistakes)
  const names = new Set(items.flatMap((item) => (item.kind === 'name' ? [item.name] : [])))
  const blocks = items.flatMap((item) => (item.kind === 'block' ? [item.block] : []))
  return {
    allowsName: (host) => names.has(toName(host)),
    allowsAddress: (text) => {
      const address = findAddress(text)
      return address !== undefined && (isPublic(address) || blocks.some((block) => isWithin(address, block)))
    },
  }
}

type Item =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'block'; readonly block: Block }
  | { readonly kind: 'mistake'; readonly text: string }

const namePattern = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*$/

const parseItem = (text: string): Item => {
  const bare = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text
  const address = ipaddr.isValid(bare) && isWrittenOut(bare) ? findAddress(bare) : undefined
  if (address !== undefined) return { kind: 'block', block: [address, address.kind() === 'ipv4' ? 32 : 128] }
  if (ipaddr.isValidCIDR(bare) && isWrittenOut(bare.replace(/\/.*/, ''))) {
    return { kind: 'block', block: ipaddr.parseCIDR(bare) }
  }
  const name = toName(text)
  // A name that ends in a number is an address to the URL parser, though perhaps a mistyped one.
  if (namePattern.test(name) && !/(^|\.)(\d+|0x[0-9a-f]*)$/.test(name)) return { kind: 'name', name }
  return { kind: 'mistake', text: `HTTP_TARGET_ALLOW: ${text.slice(0, 256)} is no host name, address or CIDR block` }
}

/** `10.1` and `0x7f000001` are addresses to some; nobody should have to know which. */
const isWrittenOut = (text: string): boolean => text.includes(':') || ipaddr.IPv4.isValidFourPartDecimal(text)

const toName = (host: string): string => host.toLowerCase().replace(/\.$/, '')

/** The address that `text` means, an IPv4-mapped one as IPv4, or undefined; a zone after `%` changes nothing. */
const findAddress = (text: string): Address | undefined => {
  const bare = text.replace(/%.*$/, '')
  if (!ipaddr.isValid(bare)) return undefined
  // ipaddr.js takes ::1.2.3.4 for ::ffff:1.2.3.4; it is the older IPv4-compatible form, and the system connects to that.
  const [, compatible] = /^::(\d+\.\d+\.\d+\.\d+)$/.exec(bare) ?? []
  if (compatible === undefined) return ipaddr.process(bare)
  return new ipaddr.IPv6([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ...ipaddr.IPv4.parse(compatible).toByteArray()])
}

const isWithin = (address: Address, [base, bits]: Block): boolean => {
  if (address.kind() === base.kind()) return address.match(base, bits)
  // A block such as ::ffff:10.0.0.0/104 is written in IPv6 and means IPv4 addresses; ::/0 does not.
  return address instanceof ipaddr.IPv4 && bits >= 96 && address.toIPv4MappedAddress().match(base, bits)
}

/** Public by its address, yet answered by the cloud's own agent on every machine there (Azure). */
const platformAddresses = new Set(['168.63.129.16'])
/** What is handed out as global unicast (RFC 4291, IANA); all the rest is reserved, `::a.b.c.d` and 64:ff9b::/96 included. */
const globalUnicast: Block = [ipaddr.parse('2000::'), 3]
const isPublic = (address: Address): boolean => {
  if (address instanceof ipaddr.IPv4) return address.range() === 'unicast' && !platformAddresses.has(address.toString())
  const embedded = findEmbedded(address)
  if (embedded !== undefined) return isPublic(embedded)
  return address.range() === 'unicast' && isWithin(address, globalUnicast)
}

const nat64: Block = [ipaddr.parse('64:ff9b::'), 96]
const sixToFour: Block = [ipaddr.parse('2002::'), 16]

/**
 * The IPv4 address that a packet to `address` reaches in the end: by NAT64 (RFC 6052), which is how an IPv6-only network
 * reaches all of IPv4, or by a 6to4 relay (RFC 3056). Teredo hides a second one, and is refused as a whole.
 */
const findEmbedded = (address: Address): ipaddr.IPv4 | undefined => {
  const bytes = address.toByteArray()
  if (isWithin(address, nat64)) return new ipaddr.IPv4(bytes.slice(12, 16))
  return isWithin(address, sixToFour) ? new ipaddr.IPv4(bytes.slice(2, 6)) : undefined
}
