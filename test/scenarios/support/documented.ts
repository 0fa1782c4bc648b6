import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** A command in the documentation, and the answer that is shown below it. */
export interface DocumentedExchange {
  readonly command: string
  readonly shown: HttpAnswer
}

export interface HttpAnswer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const blockPattern = /^```(\w+)\n([\s\S]*?)^```$/gm

/** Each `sh` block of a document that is a `curl`, with the `http` block that follows it. */
export const readExchanges = (markdown: string): readonly DocumentedExchange[] => {
  const blocks = [...markdown.matchAll(blockPattern)].map(([, language = '', text = '']) => ({ language, text }))
  return blocks.flatMap(({ language, text }, index) => {
    if (language !== 'sh' || !text.startsWith('curl ')) return []
    const next = blocks[index + 1]
    if (next?.language !== 'http') throw new Error(`no answer is shown for ${text}`)
    return [{ command: text.trimEnd(), shown: parseAnswer(next.text) }]
  })
}

/** Reads what `curl -i` prints. */
const parseAnswer = (text: string): HttpAnswer => {
  const [head = '', ...rest] = text.replaceAll('\r\n', '\n').split('\n\n')
  const [line = '', ...lines] = head.split('\n')
  const headers = lines.map((header) => [
    header.slice(0, header.indexOf(':')).toLowerCase(),
    header.replace(/^[^:]*: */, ''),
  ])
  return {
    status: Number(/^HTTP\/1\.1 (\d{3})\b/.exec(line)?.[1]),
    headers: Object.fromEntries(headers),
    body: rest.join('\n\n').trimEnd(),
  }
}

const commandMsMax = 60_000
/** curl's own: its `--max-time` was over, which is how a stream that never ends is left. */
const leftStream = 28

/** Types a `curl` against another address than the documented one, and reads its answer. */
export const typeCurl = async (
  command: string,
  url: string,
  variables: Readonly<Record<string, string>>,
): Promise<HttpAnswer> => {
  const typed = command.replace(/^curl /, 'curl -i ').replaceAll('localhost:3000', new URL(url).host)
  const env = { PATH: process.env['PATH'], ...variables }
  const child = spawn('sh', ['-uc', typed], { env, stdio: ['ignore', 'pipe', 'pipe'], timeout: commandMsMax })
  const texts = { out: '', err: '' }
  child.stdout.on('data', (bytes: Buffer) => (texts.out += bytes.toString()))
  child.stderr.on('data', (bytes: Buffer) => (texts.err += bytes.toString()))
  const [code]: readonly unknown[] = await once(child, 'close')
  if (code !== 0 && code !== leftStream) throw new Error(`${typed} ended with ${String(code)}: ${texts.err}`)
  return parseAnswer(texts.out)
}

/** Names whose values are another machine's or another database's. */
const volatile = new Set(['cursor', 'nextCursor', 'host', 'pid', 'uptimeMs', 'oldestReadyAgeMs', 'ready', 'running'])

const idPattern = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g
const instantPattern = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g
const durationPattern = /\d+(\.\d+)? (m?s|milliseconds?|seconds?|minutes?|hours?|days?)\b/g

/** What the documented answer and a real one must have in common: documents show answers in part. */
export const inCommon = (shown: unknown, real: unknown): { readonly shown: unknown; readonly real: unknown } => ({
  shown: withoutVolatile(shown),
  real: withoutVolatile(project(shown, real)),
})

/** Of `real` only what `shown` has as well. */
const project = (shown: unknown, real: unknown): unknown => {
  if (Array.isArray(shown) && Array.isArray(real)) {
    return real.slice(0, shown.length).map((item, index) => project(shown[index], item))
  }
  if (!isObject(shown) || !isObject(real)) return real
  const names = Object.keys(shown).filter((name) => Object.hasOwn(real, name))
  return Object.fromEntries(names.map((name) => [name, project(Reflect.get(shown, name), Reflect.get(real, name))]))
}

const withoutVolatile = (value: unknown, name = ''): unknown => {
  if (volatile.has(name)) return typeof value
  if (Array.isArray(value)) return value.map((item) => withoutVolatile(item))
  if (typeof value === 'string') {
    return value.replace(idPattern, '<id>').replace(instantPattern, '<instant>').replace(durationPattern, '<duration>')
  }
  if (!isObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([member, inside]) => [member, withoutVolatile(inside, member)]))
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
