import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { z } from 'zod'

const report = z.object({
  types: z.array(z.string()).default([]),
  mistakes: z.array(z.string()).default([]),
  outcomes: z
    .array(
      z.object({
        result: z.unknown().optional(),
        error: z.object({ name: z.string(), message: z.string(), kind: z.string() }).optional(),
      }),
    )
    .default([]),
})

interface Order {
  readonly modules: readonly string[]
  readonly cwd: string
  readonly smtpUrl?: string
  readonly httpTargetAllow?: readonly string[]
  readonly run?: readonly { readonly type: string; readonly payload?: unknown; readonly attempt?: number }[]
}

/** Loads modules and runs tasks of theirs in a process of its own; see run-tasks.ts. */
export const loadInProcess = async (order: Order): Promise<z.output<typeof report>> => {
  const script = join(import.meta.dirname, 'run-tasks.ts')
  const { stdout } = await promisify(execFile)(process.execPath, [script, JSON.stringify(order)], { timeout: 60_000 })
  return report.parse(JSON.parse(stdout))
}
