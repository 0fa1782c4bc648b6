import { createNode, type Node } from '../node/node.ts'
import { createHost, end, type Host, type Role } from '../world/host.ts'
import { resume } from '../world/world.ts'
import type { Course } from './course.ts'
import { createSequence } from './plan.ts'

/** The processes of a course, and who replaces those that end. */
export interface Fleet {
  begin(): void
  nodes(): readonly Node[]
  /** A process that is not dead. */
  pick(): Host | undefined
  /** Drains a worker and starts another. Answers the process, if there is one to drain. */
  drain(host: Host | undefined): Host | undefined
  /** Wakes all, and starts a worker of the new release that serves every queue: nothing is left that nobody can do. */
  heal(): void
}

const replaceMs = 5_000
const superviseMs = 300

export const createFleet = (course: Course): Fleet => {
  const { world } = course
  const { plan, scheduler } = world
  const random = createSequence(plan.seed, 'fleet')
  const nodes: Node[] = []
  const named = new Map<Role, number>()

  const start = (role: Role, release: Host['release'], queues: readonly string[] | undefined): Node => {
    const count = (named.get(role) ?? 0) + 1
    named.set(role, count)
    const host = createHost(`${role} ${count}`, role, release)
    const node = createNode(course, host, queues)
    world.add(host)
    nodes.push(node)
    world.tell(
      'fleet',
      () => `${host.name} starts (${release} release${queues === undefined ? '' : `, ${queues.join()}`})`,
    )
    scheduler.after(0, host, 'start', () => {
      node.start().catch(() => scheduler.after(0, undefined, 'exit', () => end(host)))
    })
    scheduler.after(superviseMs, undefined, 'supervise', () => supervise(host))
    return node
  }

  const startOne = (role: Role): Node =>
    start(
      role,
      world.isStormy() && plan.faults.has('old-nodes') && random() < 0.4 ? 'old' : 'new',
      world.isStormy() && role === 'worker' && random() < 0.3 ? ['named'] : undefined,
    )

  /** Looks again and again whether a process is there, and replaces it when it is not. */
  const supervise = (host: Host): void => {
    if (host.state !== 'dead') return void scheduler.after(superviseMs, undefined, 'supervise', () => supervise(host))
    scheduler.after(random() * replaceMs, undefined, 'replace', () => void startOne(host.role))
  }

  return {
    begin: () => {
      for (let index = 0; index < plan.apis; index += 1) startOne('api')
      for (let index = 0; index < plan.workers; index += 1) startOne('worker')
      for (let index = 0; index < plan.maintainers; index += 1) startOne('maintenance')
    },
    nodes: () => nodes,
    pick: () => {
      const living = nodes.filter(({ host }) => host.state !== 'dead')
      return living[Math.floor(random() * living.length)]?.host
    },
    drain: (host) => {
      const workers = nodes.filter((node) => node.host.role === 'worker' && node.host.state === 'awake')
      const node = workers.find((found) => found.host === host) ?? workers[Math.floor(random() * workers.length)]
      if (node === undefined) return undefined
      world.tell('fleet', () => `${node.host.name} is drained`)
      scheduler.after(0, node.host, 'drain', () => {
        void node.drain().then(() => scheduler.after(0, undefined, 'exit', () => end(node.host)))
      })
      return node.host
    },
    heal: () => {
      for (const { host } of nodes) {
        host.beats = 'arrive'
        resume(world, host)
      }
      start('worker', 'new', undefined)
      start('api', 'new', undefined)
    },
  }
}
