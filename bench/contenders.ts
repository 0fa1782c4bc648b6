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

/** Throws for a name that is not one of them. */
export const findContender = (name: string): Promise<Contender> => {
  const load = loaders[name]
  if (load === undefined) throw new Error(`there is no contender ${name}; there are: ${contenderNames.join(', ')}`)
  return load()
}
