import type { Socket } from 'node:net'

/** One direction of a connection. What cannot be passed on now waits, in its order. */
export interface Flow {
  push(bytes: Buffer): void
  /** Passes on what may be passed on now; to be called when the weather has changed. */
  pump(): void
  /** Nothing is passed on for that long. */
  hold(ms: number): void
  /** Ends the receiver once all that waits was passed on, however long that takes. */
  finish(): void
  /** Forgets what waits. */
  drop(): void
}

/** What all flows of a direction go through. */
export interface Weather {
  /** Passes nothing on at present. */
  isStalled(): boolean
  /** So many bytes after each pause; undefined for as fast as they come. */
  pace(): Pace | undefined
}

export interface Pace {
  readonly bytesMax: number
  readonly pauseMs: number
}

export const createFlow = (to: Socket, weather: Weather): Flow => {
  let waiting: Buffer = Buffer.alloc(0)
  let timer: NodeJS.Timeout | undefined
  let isLast = false

  const pass = (bytesMax: number): void => {
    const piece = waiting.subarray(0, bytesMax)
    waiting = waiting.subarray(piece.length)
    if (piece.length > 0 && to.writable) to.write(piece)
    if (isLast && waiting.length === 0) to.end()
  }

  const wait = (ms: number, then: () => void): void => {
    timer = setTimeout(() => {
      timer = undefined
      then()
    }, ms)
  }

  const pump = (): void => {
    if (timer !== undefined || weather.isStalled() || (waiting.length === 0 && !isLast)) return
    const pace = weather.pace()
    if (pace === undefined) return pass(waiting.length)
    wait(pace.pauseMs, () => {
      if (weather.isStalled()) return
      pass(pace.bytesMax)
      if (waiting.length > 0) pump()
    })
  }

  return {
    push: (bytes) => {
      waiting = waiting.length === 0 ? bytes : Buffer.concat([waiting, bytes])
      pump()
    },
    pump,
    hold: (ms) => {
      clearTimeout(timer)
      wait(ms, pump)
    },
    finish: () => {
      isLast = true
      pump()
    },
    drop: () => {
      clearTimeout(timer)
      timer = undefined
      waiting = Buffer.alloc(0)
    },
  }
}
