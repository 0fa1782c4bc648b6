import type { TaskId } from '#domain/identifiers.ts'
import {
  type EventStore,
  type LoadedStreams,
  StoreUnavailableError,
  type StreamContent,
} from '../ports/events/event-store.ts'
import type { Logger } from '../ports/surroundings/logger.ts'

interface Deps {
  /** `loadStreams` or `loadOutlines` of the store. */
  readonly load: EventStore['loadStreams']
  /** Told of streams that are left out. */
  readonly logger?: Logger | undefined
}

/** Takes one part: the streams that were found, and the ids of the part, those that have no stream among them. */
export type OnPart = (loaded: LoadedStreams, taskIds: readonly TaskId[]) => void | Promise<void>

/**
 * Loads up to 1000 streams, as many at a time as the store answers and as come within its deadline: the light ones first, and
 * half as many after a load that was too slow. So neither large payloads nor a slow link keep any of them from being loaded
 * for good. One that is too slow alone is left out with a warning, and the rest goes on.
 *
 * Throws StoreUnavailableError when the store does not answer even where nothing is asked; parts before were taken.
 */
export const loadInParts = async (
  { load, logger }: Deps,
  taskIds: readonly TaskId[],
  onPart: OnPart,
): Promise<void> => {
  let waiting = taskIds
  let size = taskIds.length
  const failedAlone = new Set<TaskId>()
  // Each turn takes one off at least, halves the size, or puts one off that fails alone for the first time: so it ends.
  while (waiting.length > 0) {
    const part = waiting.slice(0, size)
    const loaded = await loadUnlessSlow(load, part)
    if (loaded === 'too slow') {
      const [alone, another] = part
      size = Math.ceil(part.length / 2)
      if (alone === undefined || another !== undefined) continue
      // Once may be chance, such as a store that was away for a moment.
      waiting = failedAlone.has(alone) ? waiting.slice(1) : [...waiting.slice(1), alone]
      if (failedAlone.has(alone)) logger?.warn({ taskId: alone }, 'left a task alone: its history did not come in time')
      failedAlone.add(alone)
      continue
    }
    const leftOut = new Set(loaded.leftOut)
    await onPart(loaded, leftOut.size === 0 ? part : part.filter((taskId) => !leftOut.has(taskId)))
    waiting = [...waiting.slice(size), ...loaded.leftOut]
    size = Math.min(size * 2, waiting.length)
  }
}

const loadUnlessSlow = async (load: Deps['load'], taskIds: readonly TaskId[]): Promise<LoadedStreams | 'too slow'> => {
  try {
    return await load(taskIds)
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error
    // A store that is away answers nothing, however little is asked: halving would only take longer.
    return load([]).then(
      () => 'too slow',
      () => {
        throw error
      },
    )
  }
}

/** All streams together, with the clock of the last part. Throws as `loadInParts` does. */
export const loadAll = async (deps: Deps, taskIds: readonly TaskId[]): Promise<Omit<LoadedStreams, 'leftOut'>> => {
  const streams = new Map<TaskId, StreamContent>()
  let now: number | undefined
  await loadInParts(deps, taskIds, (loaded) => {
    for (const [taskId, content] of loaded.streams) streams.set(taskId, content)
    now = loaded.now
  })
  return { now: now ?? (await deps.load([])).now, streams }
}
