import { execFile } from 'node:child_process'
import { join } from 'node:path'

export const project = join(import.meta.dirname, '../../..')

/** Runs a command-line tool of the project, at most a minute; resolves with what it wrote, whatever its exit code. */
export const runTool = async (tool: 'oxlint' | 'tsc', args: readonly string[], cwd: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const command = join(project, 'node_modules/.bin', tool)
    execFile(command, args, { cwd, timeout: 60_000, maxBuffer: 16 * 1024 * 1024 }, (error, stdout) => {
      if (error !== null && typeof error.code !== 'number') reject(error)
      else resolve(stdout)
    })
  })
