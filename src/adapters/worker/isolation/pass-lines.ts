import type { Readable } from 'node:stream'

const lineLengthMax = 4_096

/** Calls `onLine` for each line of a stream; a longer one comes in pieces, so that little of it is ever kept. */
export const passLines = (stream: Readable | null, onLine: (line: string) => void): void => {
  let rest = ''
  const pass = (line: string): void => {
    for (let first = 0; first < line.length; first += lineLengthMax) onLine(line.slice(first, first + lineLengthMax))
  }
  stream?.setEncoding('utf8')
  stream?.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) pass(line)
    if (rest.length < lineLengthMax) return
    pass(rest)
    rest = ''
  })
  stream?.on('end', () => pass(rest))
  stream?.on('error', () => {})
}
