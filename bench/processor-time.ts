import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/** Microseconds of processor time, user and system, by what was run. */
export interface ProcessorTime {
  readonly postgres: number
  readonly redis: number
  readonly node: number
}

interface Process {
  readonly pid: number
  readonly parent: number
  readonly program: string
  /** Its own and that of the children it has buried: a session that ends in between is not lost. */
  readonly microseconds: number
}

const microsecondsPerTick = 1e6 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))

/** Of everything that this process has started, itself not included: it keeps the time and asks for the end. Linux alone. */
export const readProcessorTime = (): ProcessorTime => {
  const children = Map.groupBy(readProcesses(), (each) => each.parent)
  const time = { postgres: 0, redis: 0, node: 0 }
  const left = [...(children.get(process.pid) ?? [])]
  for (let each = left.pop(); each !== undefined; each = left.pop()) {
    time[toKind(each.program)] += each.microseconds
    left.push(...(children.get(each.pid) ?? []))
  }
  return time
}

export const subtract = (later: ProcessorTime, earlier: ProcessorTime): ProcessorTime => ({
  postgres: later.postgres - earlier.postgres,
  redis: later.redis - earlier.redis,
  node: later.node - earlier.node,
})

/** The shells that guard the servers have used nothing to speak of. */
const toKind = (program: string): keyof ProcessorTime => {
  if (program === 'postgres' || program === 'sh') return 'postgres'
  return program.startsWith('redis-server') ? 'redis' : 'node'
}

const readProcesses = (): readonly Process[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readProcess(Number(name)))

/** None when it has ended meanwhile. */
const readProcess = (pid: number): readonly Process[] => {
  try {
    return [parseStat(pid, readFileSync(`/proc/${pid}/stat`, 'utf8'))]
  } catch {
    return []
  }
}

/** proc(5): the program stands in parentheses and may itself contain some. */
const parseStat = (pid: number, stat: string): Process => {
  const end = stat.lastIndexOf(')')
  const program = stat.slice(stat.indexOf('(') + 1, end)
  const fields = stat.slice(end + 2).split(' ')
  const [utime, stime, cutime, cstime] = [11, 12, 13, 14].map((index) => Number(fields[index]))
  const ticks = (utime ?? 0) + (stime ?? 0) + (cutime ?? 0) + (cstime ?? 0)
  return { pid, parent: Number(fields[1]), program, microseconds: ticks * microsecondsPerTick }
}
