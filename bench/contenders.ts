import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { z } from 'zod'
import type { Contender } from './contender.ts'

/** Loaded by name, so that a process holds the code of one alone. */
const loaders: Readonly<Record<string, () => Promise<Contender>>> = {
  'taskfold-postgres': async () => (await import('./contenders/taskfold.ts')).taskfoldPostgres,
  'taskfold-redis': async () => (await import('./contenders/taskfold.ts')).taskfoldRedis,
  bullmq: async () => (await import('./contenders/bullmq.ts')).bullmq,
  'bee-queue': async () => (await import('./contenders/bee-queue.ts')).beeQueue,
  'graphile-worker': async () => (await import('./contenders/graphile-worker.ts')).graphileWorker,
  'pg-boss': async () => (await import('./contenders/pg-boss.ts')).pgBoss,
}

export const contenderNames: readonly string[] = Object.keys(loaders)

/** Of `NAME@FOLDER`: the contender of that name as the checkout in FOLDER has it. */
const elsewhere = /^(?<name>taskfold-(?:postgres|redis))@(?<folder>.+)$/

/**
 * The contender of a name, or of `NAME@FOLDER`, which measures this checkout beside another. Throws for a name that is not
 * one of them.
 */
export const findContender = async (name: string): Promise<Contender> => {
  const { folder, name: known = name } = elsewhere.exec(name)?.groups ?? {}
  if (folder !== undefined) return loadFrom(resolve(folder), known, name)
  const load = loaders[name]
  if (load === undefined) throw new Error(`there is no contender ${name}; there are: ${contenderNames.join(', ')}`)
  return load()
}

const loadFrom = async (folder: string, known: string, name: string): Promise<Contender> => {
  const module: unknown = await import(pathToFileURL(`${folder}/bench/contenders/taskfold.ts`).href)
  const contenders = z.record(z.string(), z.custom<Contender>(isContender)).parse({ ...Object(module) })
  const found = Object.values(contenders).find((contender) => contender.name === known)
  if (found === undefined) throw new Error(`the checkout in ${folder} has no contender ${known}`)
  return { ...found, name }
}

const isContender = (value: unknown): boolean => typeof value === 'object' && value !== null && 'openWorker' in value
