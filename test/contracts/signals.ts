import { describe, expect, it } from 'vitest'
import type { Signal, Signals } from '#application/ports/queue/signals.ts'
import type { TaskId } from '#domain/identifiers.ts'
import { type ContractWorld, type Setup, useWorld, waitUntil } from '../support/contract-world.ts'
import { mintTaskId } from '../support/ids.ts'
import { range } from '../support/task-builders.ts'

export interface SignalsWorld extends ContractWorld {
  readonly signals: Signals
  /** The signals of another process of the fleet. Both processes are connected when the world is made. */
  readonly signalsElsewhere: Signals
}

/** What every Signals does while its store is there. */
export const describeSignals = (name: string, setup: Setup<SignalsWorld>): void => {
  describe(`the signals (${name})`, () => {
    const world = useWorld(setup)

    /** Collects the signals from now on. */
    const listen = (signals: Signals) => {
      const heard: Signal[] = []
      const cancelled = new Set<TaskId>()
      const stop = signals.subscribe((signal) => {
        heard.push(signal)
        if (signal.kind === 'cancel-requested') for (const taskId of signal.taskIds) cancelled.add(taskId)
      })
      return { heard, cancelled, stop }
    }
    const cancelOf = (...taskIds: readonly TaskId[]): Signal => ({ kind: 'cancel-requested', taskIds })

    it('reach every listener here and elsewhere', async () => {
      const { signals, signalsElsewhere } = world()
      const listeners = [signals, signals, signalsElsewhere].map(listen)
      const taskId = mintTaskId()
      await signals.announce(cancelOf(taskId))
      await waitUntil(world(), () => listeners.every(({ cancelled }) => cancelled.has(taskId)))
      for (const { stop } of listeners) stop()
    })

    it('travel both ways', async () => {
      const here = listen(world().signals)
      const taskId = mintTaskId()
      await world().signalsElsewhere.announce(cancelOf(taskId))
      await waitUntil(world(), () => here.cancelled.has(taskId))
      here.stop()
    })

    it('bring a thousand ids, perhaps in parts', async () => {
      const elsewhere = listen(world().signalsElsewhere)
      const taskIds = range(1_000).map(mintTaskId)
      await world().signals.announce(cancelOf(...taskIds))
      // It may also receive a late signal of the test before.
      await waitUntil(world(), () => taskIds.every((taskId) => elsewhere.cancelled.has(taskId)))
      elsewhere.stop()
    })

    it('reach no listener that has unsubscribed', async () => {
      const { signals } = world()
      const [stopped, listening] = [listen(signals), listen(signals)]
      const [before, behind] = [mintTaskId(), mintTaskId()]
      await signals.announce(cancelOf(before))
      await waitUntil(world(), () => stopped.cancelled.has(before))
      stopped.stop()
      stopped.stop()
      await signals.announce(cancelOf(behind))
      await waitUntil(world(), () => listening.cancelled.has(behind))
      expect(stopped.cancelled.has(behind)).toBe(false)
      listening.stop()
    })

    it('reach a listener as often as it subscribed', async () => {
      const { signals } = world()
      const heard: Signal[] = []
      const listener = (signal: Signal): void => {
        heard.push(signal)
      }
      const stops = [signals.subscribe(listener), signals.subscribe(listener)]
      stops[0]?.()
      const taskId = mintTaskId()
      await signals.announce(cancelOf(taskId))
      await waitUntil(world(), () => heard.length > 0)
      expect(heard).toEqual([cancelOf(taskId)])
      stops[1]?.()
    })
  })
}
