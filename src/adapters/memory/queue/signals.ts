import type { Signal, Signals } from '#application/ports/queue/signals.ts'

/**
 * Signals between the imagined processes of a test, which must all be given the object returned here.
 *
 * Each listener is called in a microtask of its own, so one that throws disturbs neither the others nor the announcer.
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
