import { setTimeout as sleep } from 'node:timers/promises'
import type { Clients } from './clients.ts'
import { createDice, type Dice } from './dice.ts'
import { type Fault, pickFault, type Targets } from './faults.ts'
import { linkFaults } from './link-faults.ts'
import { processFaults } from './process-faults.ts'
import { storeFaults } from './store-faults.ts'

export interface StruckFault {
  readonly name: string
  /**
   * From the end of the fault until each process had been ready and a submission was acknowledged; of a short one, until the
   * latter. Other faults go on meanwhile.
   */
  readonly recoveredMs: number
  /** Whether another fault lasted when it began. */
  readonly isBeside: boolean
}

export interface Strikes {
  readonly struck: readonly StruckFault[]
  /** Faults after which the fleet did not come back in time, a line each. */
  readonly unrecovered: readonly string[]
}

interface Strand {
  readonly faults: readonly Fault[]
  readonly recovery: 'of the fleet' | 'of submissions'
  readonly pauseMsMax: number
}

/** Strike side by side, each one fault after the other: the heavy ones, and many short ones meanwhile. */
const strands: readonly Strand[] = [
  { faults: storeFaults, recovery: 'of the fleet', pauseMsMax: 500 },
  { faults: processFaults, recovery: 'of the fleet', pauseMsMax: 500 },
  ...Array.from({ length: 3 }, (): Strand => ({
    faults: linkFaults,
    recovery: 'of submissions',
    pauseMsMax: 400,
  })),
]

/** A leap of the clock beyond the partitions that are there may take 70 s to be believed; the rest is for a busy machine. */
const recoveryMsMax = 300_000
const pollMs = 50

interface StrikeOptions {
  readonly targets: Targets
  readonly clients: Pick<Clients, 'acknowledged'>
  readonly forMs: number
  readonly seed: number
  readonly say: (line: string) => void
}

/** Strikes for that long. Resolves when the last faults are over and the fleet has come back. */
export const strike = async ({ targets, clients, forMs, seed, say }: StrikeOptions): Promise<Strikes> => {
  const struck: StruckFault[] = []
  const unrecovered: string[] = []
  const endsAtMs = performance.now() + forMs
  let lasting = 0

  const strikeOnce = async ({ faults, recovery }: Strand, dice: Dice): Promise<void> => {
    const fault = pickFault(faults, dice)
    const isBeside = lasting > 0
    lasting += 1
    const result = await fault.strike(targets, dice).finally(() => (lasting -= 1))
    if (result === 'missed') return
    const overAtMs = performance.now()
    const state = await untilRecovered(recovery === 'of the fleet' ? targets : { nodes: [] }, clients)
    const recoveredMs = performance.now() - overAtMs
    struck.push({ name: fault.name, recoveredMs, isBeside })
    say(`${fault.name}: recovered after ${recoveredMs.toFixed(0)} ms, ${clients.acknowledged.length} acknowledged`)
    if (state !== 'recovered') unrecovered.push(`after "${fault.name}": ${state}`)
  }

  await Promise.all(
    strands.map(async (strand, index) => {
      // Each has dice of its own, so that its series does not depend on what the others do.
      const dice = createDice(seed * strands.length + index)
      while (performance.now() < endsAtMs) {
        await strikeOnce(strand, dice)
        await sleep(dice.between(0, strand.pauseMsMax))
      }
    }),
  )
  return { struck, unrecovered }
}

/** Until each of these has been ready once and a submission was acknowledged; else says what is missing. */
const untilRecovered = async (
  { nodes }: Pick<Targets, 'nodes'>,
  clients: Pick<Clients, 'acknowledged'>,
): Promise<string> => {
  const acknowledgedBefore = clients.acknowledged.length
  const unready = new Set(nodes)
  for (const endsAtMs = performance.now() + recoveryMsMax; performance.now() < endsAtMs; await sleep(pollMs)) {
    await Promise.all([...unready].map(async (node) => (await node.isReady()) && unready.delete(node)))
    if (unready.size === 0 && clients.acknowledged.length > acknowledgedBefore) return 'recovered'
  }
  if (unready.size === 0) return 'no submission was acknowledged'
  return `${[...unready].map(({ name }) => name).join(', ')} not ready`
}
