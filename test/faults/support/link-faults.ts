import { setTimeout as sleep } from 'node:timers/promises'
import type { CutProxy, Direction, Harm, Release } from './cut-proxy.ts'
import type { Dice } from './dice.ts'
import type { Fault, Targets } from './faults.ts'

type Peer = 'database' | 'queue'

/** Half of the faults strike all processes, half of them one. */
const pickProxies = ({ links }: Targets, peer: Peer, dice: Dice): readonly CutProxy[] => {
  const proxies = links.map((link) => link[peer])
  return dice.next() < 0.5 ? proxies : [dice.pick(proxies)]
}

const hinder = async (proxies: readonly CutProxy[], begin: (proxy: CutProxy) => Release, ms: number): Promise<void> => {
  const releases = proxies.map(begin)
  await sleep(ms)
  for (const release of releases) release()
}

const lasting = (
  peer: Peer,
  name: string,
  weight: number,
  msMax: number,
  begin: (proxy: CutProxy) => Release,
): Fault => ({
  name: `${peer} link: ${name}`,
  weight,
  strike: async (targets, dice) => {
    await hinder(pickProxies(targets, peer, dice), begin, dice.between(20, msMax))
    return 'struck'
  },
})

const cutting = (peer: Peer, how: 'in-order' | 'reset'): Fault => ({
  name: `${peer} link: ${how === 'reset' ? 'reset' : 'closed'}`,
  weight: 2,
  strike: (targets, dice) => {
    for (const proxy of pickProxies(targets, peer, dice)) proxy.cut(how)
    return Promise.resolve('struck')
  },
})

/** Longer than any pause between two writes of a process at work. */
const ambushMs = 700
const pollMs = 10

const harming = (peer: Peer, name: string, harm: Harm, weight: number): Fault => ({
  name: `${peer} link: ${name}`,
  weight,
  strike: async (targets, dice) => {
    const ambushes = pickProxies(targets, peer, dice).map((proxy) => proxy.harmWrites(harm, dice.between(1, 3)))
    for (const endsAtMs = performance.now() + ambushMs; performance.now() < endsAtMs; await sleep(pollMs)) {
      if (ambushes.some(({ met }) => met > 0)) break
    }
    for (const ambush of ambushes) ambush.end()
    return ambushes.some(({ met }) => met > 0) ? 'struck' : 'missed'
  },
})

const shortMsMax = 600
const slowPace = { bytesMax: 4_096, pauseMs: 20 }
const latePace = { bytesMax: Number.POSITIVE_INFINITY, pauseMs: 150 }

const stalling = (peer: Peer, name: string, direction: Direction | 'both'): Fault =>
  lasting(peer, name, 1, shortMsMax, (proxy) => proxy.stall(direction))

const onLinksTo = (peer: Peer): readonly Fault[] => [
  cutting(peer, 'in-order'),
  cutting(peer, 'reset'),
  harming(peer, 'cut before a commit', 'request-lost', 3),
  harming(peer, 'cut within a commit', 'request-torn', 2),
  harming(peer, 'cut before the answer to a commit', 'answer-lost', 5),
  harming(peer, 'cut within the answer to a commit', 'answer-torn', 2),
  harming(peer, 'cut after the answer to a commit', 'cut-after-answer', 2),
  harming(peer, 'answer to a commit 7 s late', 'answer-late', 1),
  lasting(peer, 'refused', 2, shortMsMax, (proxy) => proxy.refuse()),
  lasting(peer, 'half open', 1, 2 * shortMsMax, (proxy) => proxy.strand()),
  stalling(peer, 'silent', 'both'),
  stalling(peer, 'silent to the server', 'to-server'),
  stalling(peer, 'silent from the server', 'to-client'),
  lasting(peer, 'throttled', 1, 2 * shortMsMax, (proxy) => proxy.slow(slowPace)),
  lasting(peer, 'late by 150 ms', 1, 2 * shortMsMax, (proxy) => proxy.slow(latePace)),
]

/** Short ones, of which many strike while others last: by what, and to whom, the dice say. */
export const linkFaults: readonly Fault[] = [...onLinksTo('database'), ...onLinksTo('queue')]

const outage = (peer: Peer, name: string, begin: (proxy: CutProxy) => Release): Fault => ({
  name: `${peer}: ${name}`,
  weight: 1,
  strike: async (targets, dice) => {
    const proxies = targets.links.map((link) => link[peer])
    await hinder(proxies, begin, dice.between(1_000, 8_000))
    return 'struck'
  },
})

/** Of all processes, for longer than they wait for an answer, and now and then for longer than a lease. */
export const outages: readonly Fault[] = (['database', 'queue'] as const).flatMap((peer) => [
  outage(peer, 'away', (proxy) => proxy.refuse()),
  outage(peer, 'silent', (proxy) => proxy.stall('both')),
  outage(peer, 'half open', (proxy) => proxy.strand()),
])
