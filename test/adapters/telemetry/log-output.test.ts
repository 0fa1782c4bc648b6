import { Writable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { createLogger } from '#adapters/telemetry/logger.ts'

/** Takes one chunk, and the next only when it is told to read on. */
class StoppedReader extends Writable {
  readonly lines: string[] = []
  #next: (() => void) | undefined
  #mode: 'stopped' | 'reading' = 'stopped'

  override _write(chunk: unknown, _encoding: string, done: () => void): void {
    this.lines.push(String(chunk))
    if (this.#mode === 'reading') done()
    else this.#next = done
  }

  readOn(): void {
    this.#mode = 'reading'
    this.#next?.()
  }
}

const setUp = async () => {
  const reader = new StoppedReader()
  return { reader, logger: await createLogger({ level: 'info', form: 'json', stream: reader }) }
}

describe('a reader that stops reading the log', () => {
  it('costs lines and not memory, and is told how many when it reads on', async () => {
    const { reader, logger } = await setUp()
    for (let line = 0; line < 50_000; line += 1) logger.info({ line, text: 'x'.repeat(100) }, 'a line was written')
    expect(reader.writableLength).toBeLessThanOrEqual(1_048_576)
    reader.readOn()
    await logger.settle(10_000)
    logger.info({}, 'the last line was written')
    await logger.settle(10_000)
    const lines = reader.lines.map((line) => JSON.parse(line))
    const kept = lines.filter(({ msg }) => msg === 'a line was written').length
    expect(lines.find(({ lines: leftOut }) => leftOut !== undefined)).toMatchObject({ lines: 50_000 - kept })
    expect(lines.at(-1)).toMatchObject({ msg: 'the last line was written' })
    expect(lines.slice(0, kept).map(({ line }) => line)).toEqual(Array.from({ length: kept }, (_, line) => line))
  })

  it('is waited for only so long', async () => {
    const { logger } = await setUp()
    logger.info({}, 'a line was written')
    logger.info({}, 'another line was written')
    await logger.settle(10)
  })

  it('ends nothing when it goes away', async () => {
    const { reader, logger } = await setUp()
    reader.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))
    logger.info({}, 'a line was written')
    await logger.settle(10_000)
    logger.info({}, 'another line was written')
  })
})
