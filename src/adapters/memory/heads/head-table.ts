import { type Route, routeKey } from '#domain/route.ts'
import type { Incarnation, TaskId } from '#domain/identifiers.ts'
import type { Head } from '#domain/task/head.ts'
import { createSortedList } from '../sorted-list.ts'

/** All heads, with an index for each way they are looked up: by id, by route and by incarnation. */
export interface HeadTable {
  find(taskId: TaskId): Head | undefined
  /** Stores a head, in place of the task's former one. */
  set(head: Head): void
  delete(taskId: TaskId): void
  /** By descending task id: the heads below `before`, or all of them. */
  newestFirst(before?: TaskId): Iterable<Head>
  /** The heads of a route that have a ready instant, due or not, in no particular order. */
  pendingOf(route: Route): Iterable<Head>
  /** The heads that run under `incarnation`, in no particular order. */
  runningUnder(incarnation: Incarnation): Iterable<Head>
  /** Every incarnation that at least one head runs under. */
  runningIncarnations(): Iterable<Incarnation>
}

export const createHeadTable = (): HeadTable => {
  const heads = new Map<TaskId, Head>()
  const taskIds = createSortedList<TaskId>((a, b) => (a < b ? -1 : Number(a > b)))
  const pending = createHeadGroups((head) => (head.readyAt === undefined ? undefined : routeKey(head)))
  const running = createHeadGroups((head) => head.incarnation)

  const unlink = (taskId: TaskId): void => {
    const head = heads.get(taskId)
    if (head === undefined) return
    pending.remove(head)
    running.remove(head)
  }

  return {
    find: (taskId) => heads.get(taskId),
    set: (head) => {
      unlink(head.taskId)
      heads.set(head.taskId, head)
      taskIds.insert(head.taskId)
      pending.add(head)
      running.add(head)
    },
    delete: (taskId) => {
      unlink(taskId)
      heads.delete(taskId)
      taskIds.remove(taskId)
    },
    *newestFirst(before) {
      for (const taskId of taskIds.descendingBelow(before)) {
        const head = heads.get(taskId)
        if (head !== undefined) yield head
      }
    },
    pendingOf: (route) => pending.of(routeKey(route)),
    runningUnder: (incarnation) => running.of(incarnation),
    runningIncarnations: () => running.keys(),
  }
}

interface HeadGroups<Key> {
  add(head: Head): void
  remove(head: Head): void
  of(key: Key): Iterable<Head>
  keys(): Iterable<Key>
}

/** Heads grouped by `keyOf`; a head without a key is in no group. An empty group is removed. */
const createHeadGroups = <Key>(keyOf: (head: Head) => Key | undefined): HeadGroups<Key> => {
  const groups = new Map<Key, Map<TaskId, Head>>()
  return {
    add: (head) => {
      const key = keyOf(head)
      if (key === undefined) return
      const group = groups.get(key) ?? new Map<TaskId, Head>()
      groups.set(key, group.set(head.taskId, head))
    },
    remove: (head) => {
      const key = keyOf(head)
      if (key === undefined) return
      const group = groups.get(key)
      group?.delete(head.taskId)
      if (group?.size === 0) groups.delete(key)
    },
    of: (key) => groups.get(key)?.values() ?? [],
    keys: () => groups.keys(),
  }
}
