import { createHmac } from 'node:crypto'
import { type DatabasePool, sql } from 'slonik'
import { z } from 'zod'
import type { TaskId } from '#domain/identifiers.ts'
import { withReadDeadline } from '../connection/read-deadline.ts'

/** The keys that receivers are given. */
export interface EffectKeys {
  /** Throws StoreUnavailableError until the secret has been read once. */
  find(taskId: TaskId, name: string): Promise<string>
}

/**
 * A key is the HMAC of task and name under the secret of the installation, which every process reads once from the database:
 * it needs no configuration, and a restored backup keeps it.
 */
export const createEffectKeys = ({ pool }: { readonly pool: DatabasePool }): EffectKeys => {
  let secret: Buffer | undefined
  return {
    find: async (taskId, name) => {
      secret ??= Buffer.from(await withReadDeadline(pool.oneFirst(secretStatement)), 'hex')
      return createHmac('sha256', secret).update(`${taskId} ${name}`).digest('base64url')
    },
  }
}

const secretStatement = sql.type(z.object({ secret: z.string() }))`
  select encode(effect_secret, 'hex') as secret
  from taskfold.installation`
