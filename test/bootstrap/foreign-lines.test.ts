import { EventEmitter } from 'node:events'
import { runInThisContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { createMemoryLogger } from '#adapters/memory/surroundings/logger.ts'
import { adoptForeignLines } from '#bootstrap/foreign-lines.ts'

type Say = (lines: Pick<Console, 'warn' | 'error'>, ...said: readonly unknown[]) => void

/** A function whose code stands in a file of that name. */
const sayFrom = (filename: string, level: 'warn' | 'error' = 'warn'): Say =>
  runInThisContext(`(lines, ...said) => { lines.${level}(...said) }`, { filename })

const setUp = () => {
  const written: unknown[][] = []
  const write = (...said: unknown[]): void => void written.push(said)
  const lines = { warn: write, error: write }
  const source = new EventEmitter()
  source.on('warning', (warning: Error) => written.push([warning.message]))
  const logger = createMemoryLogger()
  adoptForeignLines({ source, lines, logger })
  return { written, lines, source, logged: logger.lines }
}

describe('what is written to standard error beside the log', () => {
  it.each([
    ['/app/node_modules/ioredis/built/redis/event_handler.js', 'ioredis'],
    ['/app/node_modules/pg/lib/client.js', 'pg'],
    ['/app/node_modules/pg-protocol/dist/parser.js', 'pg-protocol'],
    [String.raw`C:\app\node_modules\ioredis\built\Redis.js`, 'ioredis'],
  ])('becomes a line of the log when a library of ours writes it: %s', (filename, library) => {
    const { written, lines, logged } = setUp()
    sayFrom(filename)(lines, '[WARN]', 'mind the gap')
    sayFrom(filename, 'error')(lines, 'x'.repeat(5_000))
    expect(written).toEqual([])
    expect(logged.map(({ level, fields }) => ({ level, library: fields['library'] }))).toEqual([
      { level: 'warn', library },
      { level: 'warn', library },
    ])
    expect(logged[0]?.fields['line']).toBe('[WARN] mind the gap')
    expect(String(logged[1]?.fields['line'])).toHaveLength(1_000)
  })

  it('stays as it is when a handler writes it', () => {
    const { written, lines, logged } = setUp()
    sayFrom('/app/tasks.js')(lines, 'mine', 1)
    sayFrom('/app/node_modules/other/index.js', 'error')(lines, 'mine too')
    expect(written).toEqual([['mine', 1], ['mine too']])
    expect(logged).toEqual([])
  })

  it('becomes a line of the log when Node warns', () => {
    const { written, source, logged } = setUp()
    source.emit('warning', new Error('something is deprecated'))
    expect(written).toEqual([])
    expect(logged).toMatchObject([{ level: 'warn', message: 'Node warned' }])
  })
})
