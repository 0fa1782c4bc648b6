import { type EventSource, followFeed } from './event-source.ts'
import { createHttpWorld, type HttpWorld } from './http-world.ts'

/** HTTP worlds with followers of their feeds. The caller closes them. */
export const createFeedWorlds = () => {
  const worlds: HttpWorld[] = []
  const sources: EventSource[] = []
  return {
    open: async (options: Parameters<typeof createHttpWorld>[0] = {}) => {
      const world = await createHttpWorld(options)
      worlds.push(world)
      const { url } = await world.server.listen('127.0.0.1', 0)
      const follow = async (more: Parameters<typeof followFeed>[1] = {}): Promise<EventSource> => {
        const source = await followFeed(url, more)
        sources.push(source)
        return source
      }
      return { world, url, follow }
    },
    close: async (): Promise<void> => {
      for (const source of sources.splice(0)) source.close()
      for (const world of worlds.splice(0)) await world.close()
    },
  }
}

/** Submits `count` tasks, one after the other. */
export const submitInTurn = async (world: HttpWorld, count: number): Promise<readonly string[]> => {
  const ids: string[] = []
  for (let made = 0; made < count; made += 1) ids.push((await world.post('/api/tasks', '{"type":"a"}')).json().id)
  return ids
}

/** The tasks of the events that have come, in their order. */
export const seenBy = (source: EventSource): readonly string[] => source.messages.map(({ data }) => data.taskId)
