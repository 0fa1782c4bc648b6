import type { Dice } from './dice.ts'
import type { Fault } from './faults.ts'
import type { FleetNode } from './node.ts'

const onNode = (
  name: string,
  role: string,
  weight: number,
  strike: (node: FleetNode, dice: Dice) => Promise<void>,
): Fault => ({
  name,
  weight,
  strike: async ({ nodes }, dice) => {
    await strike(dice.pick(nodes.filter((node) => node.name.startsWith(role))), dice)
    return 'struck'
  },
})

const kill = (node: FleetNode, dice: Dice): Promise<void> => node.kill(dice.between(0, 1_000))

/** Longer than a lease now and then: the process must notice that it was declared lost. */
const pause = (node: FleetNode, dice: Dice): Promise<void> =>
  node.pause(dice.next() < 0.3 ? dice.between(6_500, 9_000) : dice.between(100, 2_000))

const replace = (node: FleetNode): Promise<void> => node.replace()
const hourMs = 3_600_000

const leap = async (node: FleetNode, dice: Dice): Promise<void> =>
  node.leap(dice.pick([-3, -1, 1, 3]) * hourMs, dice.between(1_000, 4_000))

/** What befalls the processes of the product, one at a time. */
export const processFaults: readonly Fault[] = [
  onNode('API killed', 'api', 2, kill),
  onNode('worker killed', 'worker', 5, kill),
  onNode('maintenance killed', 'maintenance', 1, kill),
  onNode('API paused', 'api', 2, pause),
  onNode('worker paused', 'worker', 4, pause),
  onNode('maintenance paused', 'maintenance', 1, pause),
  onNode('API replaced in order', 'api', 1, replace),
  onNode('worker replaced in order', 'worker', 2, replace),
  onNode('clock of an API leaps', 'api', 1, leap),
  onNode('clock of a worker leaps', 'worker', 1, leap),
  {
    name: 'event loop of a worker blocked',
    weight: 3,
    strike: (targets, dice) => {
      targets.blockWorker(dice.between(500, 9_000))
      return Promise.resolve('struck')
    },
  },
]
