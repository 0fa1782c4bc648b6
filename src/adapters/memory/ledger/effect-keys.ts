import { createHmac } from 'node:crypto'
import type { TaskId } from '#domain/identifiers.ts'

/** Made with a constant that anybody can read here. */
export const toKey = (taskId: TaskId, name: string): string =>
  createHmac('sha256', 'memory').update(`${taskId} ${name}`).digest('base64url')
