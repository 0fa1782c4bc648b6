import type { RecordedEvent, Submission, TaskEvent } from '#domain/task/events.ts'

/**
 * Every rule that a history breaks; empty when it is legal.
 *
 * Shares no code with the domain, not even its table of transitions, so that it can find a mistake in them. The order of
 * events is one regular expression, and runs, attempts and crashes are counted again.
 */
export const findBreaches = (history: readonly RecordedEvent[]): readonly string[] => {
  const breaches = new Breaches(history)
  const order = history.map(letterOf).join('')
  if (order !== '' && !legalOrder.test(order)) breaches.add(`the order ${order}`)
  for (const [index, event] of history.entries()) {
    const before = history[index - 1]
    if (event.version !== index + 1) breaches.add(`version ${event.version} in place ${index + 1}`)
    if (before !== undefined && event.recordedAt < before.recordedAt) breaches.add(`time ran back at v${event.version}`)
    breaches.count(event, before)
  }
  return breaches.found
}

/**
 * S submitted, W rescheduled, B began, f failed for now, r retried, F failed for good, O opened again, L released,
 * C cancel requested, X cancelled, Y succeeded. At the end a task may wait, run, be cancelling, or have ended.
 */
const legalOrder = /^S(?:W|Bfr|BL|BFO|BCXO|XO)*(?:B|BC|BC?Y|BF|BCX|X)?$/

const letterOf = (event: TaskEvent): string => {
  switch (event.type) {
    case 'Submitted':
      return 'S'
    case 'Rescheduled':
      return 'W'
    case 'Started':
      return 'B'
    case 'Failed':
      return event.data.final ? 'F' : 'f'
    case 'Retried':
      return event.data.reopened ? 'O' : 'r'
    case 'Released':
      return 'L'
    case 'CancelRequested':
      return 'C'
    case 'Cancelled':
      return 'X'
    case 'Succeeded':
      return 'Y'
  }
}

const hopeless = ['permanent-error', 'payload-invalid', 'effect-in-doubt', 'effect-changed']

class Breaches {
  readonly found: string[] = []
  readonly #submission: Submission | undefined
  #run = 0
  #attempts = 0
  #attemptsSinceOpening = 0
  #crashesSinceOpening = 0
  #readyAt = 0

  constructor(history: readonly RecordedEvent[]) {
    this.#submission = history[0]?.type === 'Submitted' ? history[0].data : undefined
  }

  add(breach: string): void {
    this.found.push(breach)
  }

  count(event: RecordedEvent, before: RecordedEvent | undefined): void {
    switch (event.type) {
      case 'Submitted':
      case 'Rescheduled':
        this.#readyAt = event.data.runAt ?? event.recordedAt + event.data.delayMs
        break
      case 'Retried':
        this.#readyAt = event.recordedAt + event.data.delayMs
        if (event.data.reopened) this.#attemptsSinceOpening = this.#crashesSinceOpening = 0
        break
      case 'Started':
        this.#countStart(event)
        break
      case 'Failed':
        this.#compareRun(event)
        this.#countFailure(event)
        break
      case 'Succeeded':
        this.#compareRun(event)
        break
      case 'Released':
        this.#compareRun(event)
        this.#attempts -= 1
        this.#attemptsSinceOpening -= 1
        break
      case 'Cancelled':
        if ((event.data.cause === 'requested') === (before?.type === 'CancelRequested')) {
          this.add(`v${event.version} was cancelled by ${event.data.cause} after ${before?.type}`)
        }
        break
      case 'CancelRequested':
        break
    }
  }

  #countStart(event: RecordedEvent & { readonly type: 'Started' }): void {
    this.#run = event.version
    this.#attempts += 1
    this.#attemptsSinceOpening += 1
    if (event.data.attempt !== this.#attempts) this.add(`v${event.version} is not attempt ${event.data.attempt}`)
    if (event.data.timeLimitMs !== this.#submission?.timeoutMs) this.add(`v${event.version} has another time limit`)
    if (event.recordedAt < this.#readyAt) this.add(`v${event.version} began before it was ready`)
    if (this.#attemptsSinceOpening > (this.#submission?.maxAttempts ?? 0)) this.add(`v${event.version} is one too many`)
  }

  #compareRun(event: RecordedEvent & { readonly type: 'Failed' | 'Succeeded' | 'Released' }): void {
    if (event.data.run !== this.#run) this.add(`v${event.version} ends run ${event.data.run}, not ${this.#run}`)
    if (event.data.attempt !== this.#attempts) this.add(`v${event.version} ends another attempt`)
  }

  #countFailure(event: RecordedEvent & { readonly type: 'Failed' }): void {
    const { cause, final } = event.data
    if (cause === 'crash') this.#crashesSinceOpening += 1
    const mustEnd =
      hopeless.includes(cause) ||
      (cause === 'crash' && this.#crashesSinceOpening >= 2) ||
      this.#attemptsSinceOpening >= (this.#submission?.maxAttempts ?? 0)
    if (final !== mustEnd) this.add(`v${event.version} ${mustEnd ? 'had to end' : 'must not end'} the task`)
  }
}
