import { describe, expect, test } from 'vitest'
import { createAddressGuard } from '#adapters/handlers/built-in/address-guard.ts'

const strict = createAddressGuard([])

describe('without exceptions an address', () => {
  test.each([
    ['unspecified', '0.0.0.0'],
    ['this network', '0.1.2.3'],
    ['loopback', '127.0.0.1'],
    ['loopback', '127.255.255.254'],
    ['private', '10.0.0.1'],
    ['private', '10.255.255.255'],
    ['private', '172.16.0.1'],
    ['private', '172.31.255.255'],
    ['private', '192.168.0.1'],
    ['private', '192.168.255.255'],
    ['link-local, the clouds’ metadata', '169.254.169.254'],
    ['link-local', '169.254.0.1'],
    ['carrier-grade NAT', '100.64.0.1'],
    ['carrier-grade NAT', '100.127.255.255'],
    ['protocol assignments', '192.0.0.1'],
    ['documentation', '192.0.2.1'],
    ['documentation', '198.51.100.7'],
    ['documentation', '203.0.113.255'],
    ['benchmarking', '198.18.0.1'],
    ['benchmarking', '198.19.255.255'],
    ['6to4 relays', '192.88.99.1'],
    ['AS112', '192.175.48.1'],
    ['AS112', '192.31.196.1'],
    ['AMT', '192.52.193.1'],
    ['multicast', '224.0.0.1'],
    ['multicast', '239.255.255.255'],
    ['reserved', '240.0.0.1'],
    ['broadcast', '255.255.255.255'],
    ['the agent of a cloud', '168.63.129.16'],
    ['unspecified', '::'],
    ['loopback', '::1'],
    ['loopback, written out', '0:0:0:0:0:0:0:1'],
    ['link-local', 'fe80::1'],
    ['link-local with a zone', 'fe80::1%eth0'],
    ['link-local', 'febf::1'],
    ['site-local', 'fec0::1'],
    ['unique local', 'fc00::1'],
    ['unique local, the clouds’ metadata', 'fd00:ec2::254'],
    ['multicast', 'ff02::1'],
    ['IPv4-mapped loopback', '::ffff:127.0.0.1'],
    ['IPv4-mapped private, in hex', '::ffff:a00:1'],
    ['IPv4-mapped metadata', '::ffff:169.254.169.254'],
    ['IPv4-compatible loopback', '::127.0.0.1'],
    ['IPv4-compatible public', '::8.8.8.8'],
    ['IPv4-translated', '::ffff:0:8.8.8.8'],
    ['NAT64 of loopback', '64:ff9b::7f00:1'],
    ['NAT64 of private', '64:ff9b::10.1.2.3'],
    ['NAT64 of metadata', '64:ff9b::a9fe:a9fe'],
    ['NAT64 of local use', '64:ff9b:1::8.8.8.8'],
    ['6to4 of private', '2002:a00:1::1'],
    ['6to4 of loopback', '2002:7f00:1::'],
    ['6to4 of metadata', '2002:a9fe:a9fe::1'],
    ['Teredo', '2001:0:4136:e378:8000:63bf:3fff:fdd2'],
    ['protocol assignments', '2001:1::1'],
    ['benchmarking', '2001:2::1'],
    ['ORCHID', '2001:20::1'],
    ['documentation', '2001:db8::1'],
    ['documentation', '3fff::1'],
    ['segment routing', '5f00::1'],
    ['discard', '100::1'],
    ['unassigned', '4000::1'],
    ['unassigned', '::2'],
    ['none at all', ''],
    ['none at all', 'example.org'],
  ])('that is %s is refused: %s', (_what, address) => {
    expect(strict.allowsAddress(address)).toBe(false)
  })

  test.each([
    '1.1.1.1',
    '8.8.8.8',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '126.255.255.255',
    '128.0.0.1',
    '172.15.255.255',
    '172.32.0.0',
    '192.167.255.255',
    '192.169.0.0',
    '198.17.255.255',
    '198.20.0.0',
    '223.255.255.255',
    '2606:4700:4700::1111',
    '2a00:1450:4001:81b::200e',
    '::ffff:8.8.8.8',
    '64:ff9b::808:808',
    '2002:808:808::1',
  ])('that is public passes: %s', (address) => {
    expect(strict.allowsAddress(address)).toBe(true)
  })

  test('is never trusted for its name', () => {
    expect(['localhost', 'example.org', ''].some((name) => strict.allowsName(name))).toBe(false)
  })
})

describe('an exception', () => {
  test.each([
    ['10.1.2.3', '10.1.2.3'],
    ['10.1.2.3', '::ffff:10.1.2.3'],
    ['10.0.0.0/8', '10.255.0.1'],
    ['::ffff:10.0.0.0/104', '10.255.0.1'],
    ['::ffff:10.1.2.3', '10.1.2.3'],
    ['0.0.0.0/0', '127.0.0.1'],
    ['::1', '::1'],
    ['[::1]', '::1'],
    ['fd00::/8', 'fd12::1'],
    ['64:ff9b::/96', '64:ff9b::a00:1'],
    ['fe80::/10', 'fe80::1%eth0'],
  ])('%s lets %s pass', (item, address) => {
    expect(createAddressGuard([item]).allowsAddress(address)).toBe(true)
  })

  test.each([
    ['10.1.2.3', '10.1.2.4'],
    ['10.0.0.0/8', '192.168.0.1'],
    ['0.0.0.0/0', '::1'],
    ['::/0', '127.0.0.1'],
    ['10.0.0.0/8', '64:ff9b::a00:1'],
    ['10.0.0.0/8', '2002:a00:1::1'],
    ['::1', '127.0.0.1'],
    ['localhost', '127.0.0.1'],
  ])('%s does not let %s pass', (item, address) => {
    expect(createAddressGuard([item]).allowsAddress(address)).toBe(false)
  })

  test('for a name is for that name alone, however it is written', () => {
    const guard = createAddressGuard(['Hooks.Internal.', 'localhost', 'xn--bcher-kva.example', 'a_b.c-d'])

    expect(['hooks.internal', 'HOOKS.internal', 'hooks.internal.'].every((name) => guard.allowsName(name))).toBe(true)
    expect(['internal', 'a.hooks.internal', 'hooks.internal.org'].some((name) => guard.allowsName(name))).toBe(false)
  })

  test.each([
    '*',
    '*.internal',
    'http://a',
    'a/b',
    'a b',
    '10.0.0.0/33',
    '10.1',
    '0x7f000001',
    '127.1',
    '256.1.1.1',
    '-a',
    ':',
  ])('that is none stops the start: %s', (item) => {
    expect(() => createAddressGuard(['localhost', item])).toThrow(
      expect.objectContaining({
        name: 'ConfigurationError',
        mistakes: ['HTTP_TARGET_ALLOW: item 2 is no host name, address or CIDR block'],
      }),
    )
  })
})
