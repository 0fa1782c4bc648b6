import type { Signal, Signals } from '#application/ports/queue/signals.ts'

/**
 * Signals between all who share the returned object; every imagined process of a test is given the same one.
 *
 * A signal reaches its listeners in a microtask of its own each, so one that throws disturbs neither the others nor whoever
 * announced.
 */
export const createMemorySignals = (): Signals => {
  const subscriptions = new Set<{ readonly listener: (signal: Signal) => void }>()
  return {
    announce: async (signal) => {
      for (const subscription of subscriptions) {
        queueMicrotask(() => {
          if (subscriptions.has(subscription)) subscription.listener(signal)
        })
      }
    },
    subscribe: (listener) => {
      const subscription = { listener }
      subscriptions.add(subscription)
      return () => {
        subscriptions.delete(subscription)
      }
    },
  }
}
