import { readFile } from 'node:fs/promises'
import { request, type Answer } from './http.ts'
import { pause } from './load.ts'
import type { TaskfoldProcess } from './process.ts'

/** Somebody who submits small tasks and lists them while others attack, and an eye on the memory of the process. */
export interface HonestCaller {
  /** Resolves with what was seen from the first request on. */
  stop(): Promise<Seen>
}

export interface Seen {
  readonly answers: number
  /** Statuses other than 200 and 202, and requests that were not answered in time. */
  readonly failures: readonly string[]
  /** The most memory that the process had in use, in megabytes. */
  readonly peakMegabytes: number
}

const pauseMs = 50

export const startHonestCaller = ({ url, pid }: TaskfoldProcess): HonestCaller => {
  const failures: string[] = []
  let answers = 0
  let peakMegabytes = 0
  let state: 'going' | 'stopped' = 'going'

  const ask = async (what: string, send: () => Promise<Answer<unknown>>): Promise<void> => {
    try {
      const { status } = await send()
      answers += 1
      if (status >= 300) failures.push(`${what}: ${status}`)
    } catch (error) {
      failures.push(`${what}: ${String(error)}`)
    }
  }
  const submission = {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"type":"demo.echo","queue":"honest","payload":"hello"}',
  }
  const callOn = async (): Promise<void> => {
    while (state === 'going') {
      await ask('submission', () => request(url, '/api/tasks', submission))
      await ask('list', () => request(url, '/api/tasks?queue=honest&limit=5'))
      await pause(pauseMs)
    }
  }
  const watchOn = async (): Promise<void> => {
    while (state === 'going') {
      peakMegabytes = Math.max(peakMegabytes, await readMegabytes(pid))
      await pause(pauseMs)
    }
  }
  const ended = Promise.all([callOn(), watchOn()])
  return {
    /** The same each time. */
    stop: async () => {
      state = 'stopped'
      await ended
      return { answers, failures, peakMegabytes }
    },
  }
}

/** The resident memory of a process, as Linux tells it. */
const readMegabytes = async (pid: number): Promise<number> => {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1_024
}
