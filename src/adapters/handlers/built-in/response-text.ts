import type { Readable } from 'node:stream'

/**
 * Reads at most the first `bytesMax` bytes of a stream as text that can be stored as JSON; null when they are no UTF-8. A
 * character cut in two is left out, a zero character becomes U+FFFD. A stream that holds more is destroyed.
 */
export const readText = async (
  stream: Readable,
  bytesMax: number,
): Promise<{ readonly text: string | null; readonly truncated: boolean }> => {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of stream) {
    if (!(chunk instanceof Uint8Array)) throw new TypeError('the stream gives no bytes')
    chunks.push(chunk.subarray(0, bytesMax - bytes))
    bytes += chunk.byteLength
    // Leaving the loop destroys the stream.
    if (bytes > bytesMax) break
  }
  const truncated = bytes > bytesMax
  return { text: decode(Buffer.concat(chunks), truncated), truncated }
}

const decode = (bytes: Uint8Array, truncated: boolean): string | null => {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: truncated }).replaceAll('\0', '\ufffd')
  } catch {
    return null
  }
}
