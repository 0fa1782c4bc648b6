import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

export interface ExampleScript extends AsyncDisposable {
  /** What its first line names. */
  readonly url: string
  /** Everything it has said since. */
  readonly said: () => string
}

/** Starts a server script of the examples on a free port, with further words; disposing of it stops it by SIGTERM and asserts that it obeyed. */
export const startExampleScript = async (path: string, words: readonly string[] = []): Promise<ExampleScript> => {
  const child = spawn(process.execPath, [path, '0', ...words], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const lines = createInterface({ input: child.stdout })
  const said: string[] = []
  const first = Promise.withResolvers<string>()
  lines.once('line', first.resolve)
  lines.on('line', (line) => said.push(line))
  lines.once('close', () => first.reject(new Error(`${path} said nothing`)))
  const [url] = /\w+:\/\/\S+/.exec(await first.promise) ?? []
  if (url === undefined) throw new Error(`${path} named no address`)
  return {
    url,
    said: () => said.slice(1).join('\n'),
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM')
      const [code, signal]: unknown[] = await exited
      if (code !== 0) throw new Error(`${path} ended with ${String(code ?? signal)}`)
    },
  }
}
