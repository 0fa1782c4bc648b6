import { readFileSync } from 'node:fs'
import { isatty } from 'node:tty'

/** Which streams of a process are terminals, and whether it belongs to one at all; undefined where the system does not say. */
export interface Terminal {
  readonly streams: readonly boolean[]
  readonly controlling: 'some' | 'none' | undefined
}

/**
 * Whether SIGHUP asks this process to end: its terminal was closed, or a supervisor sent it.
 *
 * Not under `nohup`. Node forgets that signals were ignored when it starts, so that is told from what else `nohup` does: the
 * process belongs to a terminal, and none of its streams does.
 */
export const endsAtHangup = ({ streams, controlling }: Terminal): boolean =>
  streams.includes(true) || controlling === 'none'

export const readTerminal = (): Terminal => ({
  streams: [0, 1, 2].map(isatty),
  controlling: findControllingTerminal(),
})

/** Linux tells the number of the terminal as the fifth field after the name, which is in parentheses; 0 for none. */
const findControllingTerminal = (): Terminal['controlling'] => {
  try {
    const number = /.*\) \S+ \S+ \S+ \S+ (-?\d+) /s.exec(readFileSync('/proc/self/stat', 'utf8'))?.[1]
    if (number === undefined) return undefined
    return number === '0' ? 'none' : 'some'
  } catch {
    return undefined
  }
}
