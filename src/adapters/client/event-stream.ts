import { invalidAnswer } from './answers.ts'

/** One message of an event stream: its `id` and its `data`. */
export interface StreamMessage {
  readonly id: string | undefined
  readonly data: string
}

const messageCharactersMax = 8_388_608

/**
 * The messages of a `text/event-stream` body (WHATWG HTML, section 9.2), in order; comments and messages without data are
 * left out, as is one that was cut off. Leaving the loop cancels the body.
 *
 * Throws what the body throws, and TaskfoldError `invalid-answer` for a message of over 8 Mi characters.
 */
export async function* readMessages(
  body: ReadableStream<Uint8Array>,
  onBytes: () => void,
): AsyncGenerator<StreamMessage, void, undefined> {
  const decoder = new TextDecoder()
  let rest = ''
  let message: string[] = []
  let characters = 0
  for await (const bytes of body) {
    onBytes()
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const ended of lines) {
      const line = ended.endsWith('\r') ? ended.slice(0, -1) : ended
      characters += line.length
      if (line !== '') message.push(line)
      else {
        const found = toMessage(message)
        message = []
        characters = 0
        if (found !== undefined) yield found
      }
    }
    if (characters + rest.length > messageCharactersMax) throw invalidAnswer('a message of the stream is too long')
  }
}

const toMessage = (lines: readonly string[]): StreamMessage | undefined => {
  const fields = lines.map(toField)
  const data = fields.filter(({ name }) => name === 'data').map(({ value }) => value)
  const id = fields.findLast(({ name }) => name === 'id')?.value
  return data.length === 0 ? undefined : { id, data: data.join('\n') }
}

const toField = (line: string): { readonly name: string; readonly value: string } => {
  const [, name = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? []
  return { name, value }
}
