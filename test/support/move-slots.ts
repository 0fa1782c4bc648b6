import type { Redis } from 'ioredis'

const keysPerRead = 100
const readsMax = 1_000
const migrateDeadlineMs = 5_000

interface Node {
  readonly port: number
  readonly ask: Redis
}

/** Moves slots with all their keys from one master of a Cluster to another, while it is in use. */
export const moveSlots = async (slots: readonly number[], from: Node, to: Node): Promise<void> => {
  const [source, target] = await Promise.all(
    [from, to].map(async ({ ask }) => String(await ask.call('CLUSTER', 'MYID'))),
  )
  if (source === undefined || target === undefined) throw new Error('a node of the Cluster has no name')
  for (const slot of slots) {
    await to.ask.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', source)
    await from.ask.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', target)
    await moveKeys(slot, from, to)
    // The target is told first, so that it gets no commands for the slot before it knows that the slot is its own.
    for (const { ask } of [to, from]) await ask.call('CLUSTER', 'SETSLOT', slot, 'NODE', target)
  }
}

const moveKeys = async (slot: number, from: Node, to: Node): Promise<void> => {
  for (let reads = 0; reads < readsMax; reads += 1) {
    const keys = await from.ask.cluster('GETKEYSINSLOT', slot, keysPerRead)
    if (keys.length === 0) return
    await from.ask.call('MIGRATE', '127.0.0.1', to.port, '', 0, migrateDeadlineMs, 'REPLACE', 'KEYS', ...keys)
  }
  throw new Error(`slot ${slot} is filled faster than it can be moved`)
}
