import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** Another process that was asked to start an embedded server. */
export interface EmbeddedProcess {
  readonly pid: number
  /** The line it wrote: `{ url, adopted }` or `{ error }`. */
  readonly told: { readonly url?: string; readonly adopted?: boolean; readonly error?: string }
  /** Signals the process, or its whole group, as a terminal does. */
  signal(name: NodeJS.Signals, whom: 'process' | 'group'): void
  readonly ended: Promise<unknown>
}

const script = join(import.meta.dirname, 'run-embedded.ts')

/** Resolves when the process has told what became of its start. It leads a group of its own, as a shell would arrange. */
export const startEmbeddedProcess = async (dataDir: string): Promise<EmbeddedProcess> => {
  const child = spawn(process.execPath, [script, dataDir], { detached: true, stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  const { pid } = child
  if (pid === undefined) throw new Error('the process did not start')
  const lines = createInterface({ input: child.stdout })
  const line = await Promise.race([once(lines, 'line').then(([text]) => String(text)), ended.then(() => '{}')])
  const told: EmbeddedProcess['told'] = JSON.parse(line)
  return {
    pid,
    told,
    signal: (name, whom) => {
      process.kill(whom === 'group' ? -pid : pid, name)
    },
    ended,
  }
}
