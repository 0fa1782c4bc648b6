import ipaddr from 'ipaddr.js'
import { ConfigurationError } from '#application/diagnosis/startup-error.ts'

/** Judges where a request may go. Host names are compared in lower case, without a trailing dot. */
export interface AddressGuard {
  /** Whether the host is allowed by its name, and with it every address that it resolves to. */
  allowsName(host: string): boolean
  /** Whether an address, in text, may be connected to: it is public unicast, or allowed. */
  allowsAddress(address: string): boolean
}

/** The guard refuses the target. The message names the host and never its addresses, which could map the network inside. */
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
 * A guard that allows public unicast addresses, and those in `allow`: host names, addresses and CIDR blocks. An IPv4-mapped
 * IPv6 address counts as the IPv4 address that it maps, there and in requests.
 *
 * Throws ConfigurationError with a line for each item of `allow` that is none of the three.
 */
export const createAddressGuard = (allow: readonly string[]): AddressGuard => {
  const items = allow.map((item, index) => parseItem(item, index + 1))
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

/** `place` counts from 1: a mistake is named by it, because what was mistyped may be a secret in the wrong variable. */
const parseItem = (text: string, place: number): Item => {
  const bare = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text
  const address = ipaddr.isValid(bare) && isWrittenOut(bare) ? findAddress(bare) : undefined
  if (address !== undefined) return { kind: 'block', block: [address, address.kind() === 'ipv4' ? 32 : 128] }
  if (ipaddr.isValidCIDR(bare) && isWrittenOut(bare.replace(/\/.*/, ''))) {
    return { kind: 'block', block: ipaddr.parseCIDR(bare) }
  }
  const name = toName(text)
  // The URL parser reads a name that ends in a number as an IPv4 address, so it can be no host name.
  if (namePattern.test(name) && !/(^|\.)(\d+|0x[0-9a-f]*)$/.test(name)) return { kind: 'name', name }
  return { kind: 'mistake', text: `HTTP_TARGET_ALLOW: item ${place} is no host name, address or CIDR block` }
}

/** Not `10.1` or `0x7f000001`: some programs read them as addresses, others do not. */
const isWrittenOut = (text: string): boolean => text.includes(':') || ipaddr.IPv4.isValidFourPartDecimal(text)

const toName = (host: string): string => host.toLowerCase().replace(/\.$/, '')

/** The address that `text` means, an IPv4-mapped one as IPv4, or undefined; a zone after `%` changes nothing. */
const findAddress = (text: string): Address | undefined => {
  const bare = text.replace(/%.*$/, '')
  if (!ipaddr.isValid(bare)) return undefined
  // ipaddr.js reads ::1.2.3.4 as ::ffff:1.2.3.4, but it is an IPv4-compatible address, and the system connects to that one.
  const [, compatible] = /^::(\d+\.\d+\.\d+\.\d+)$/.exec(bare) ?? []
  if (compatible === undefined) return ipaddr.process(bare)
  return new ipaddr.IPv6([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ...ipaddr.IPv4.parse(compatible).toByteArray()])
}

const isWithin = (address: Address, [base, bits]: Block): boolean => {
  if (address.kind() === base.kind()) return address.match(base, bits)
  // A block such as ::ffff:10.0.0.0/104 is written in IPv6 and holds IPv4 addresses; ::/0 holds none.
  return address instanceof ipaddr.IPv4 && bits >= 96 && address.toIPv4MappedAddress().match(base, bits)
}

/** Public addresses that a cloud answers itself on each of its machines: the agent of Azure. */
const platformAddresses = new Set(['168.63.129.16'])
/** The block of global unicast (RFC 4291, IANA); all others are reserved, including `::a.b.c.d` and 64:ff9b::/96. */
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
 * The IPv4 address that a packet to `address` is translated to: by NAT64 (RFC 6052), by which an IPv6-only network reaches
 * all of IPv4, or by a 6to4 relay (RFC 3056). A Teredo address holds two of them, and its whole block is refused.
 */
const findEmbedded = (address: Address): ipaddr.IPv4 | undefined => {
  const bytes = address.toByteArray()
  if (isWithin(address, nat64)) return new ipaddr.IPv4(bytes.slice(12, 16))
  return isWithin(address, sixToFour) ? new ipaddr.IPv4(bytes.slice(2, 6)) : undefined
}
