import { onTestFailed } from 'vitest'
import { createFleet, type Fleet } from '../../support/fleet.ts'
import { type DatabaseWatch, openDatabaseWatch } from '../../support/database-watch.ts'
import type { TaskfoldProcess } from '../../support/process.ts'

/** Two APIs and some workers around a Redis. */
export interface RedisFleet {
  readonly fleet: Fleet
  readonly apis: readonly [TaskfoldProcess, TaskfoldProcess]
  readonly workers: readonly TaskfoldProcess[]
  readonly watch: DatabaseWatch
  readonly startWorker: (env?: Readonly<Record<string, string>>) => Promise<TaskfoldProcess>
  close(): Promise<void>
}

interface Options {
  readonly redisUrl: string
  readonly workers?: number
  readonly env?: Readonly<Record<string, string>>
}

const logLinesShown = 15

/** Everything is as it is by default unless `env` says otherwise, so that recovery takes as long as it does for users. */
export const startRedisFleet = async ({ redisUrl, workers = 3, env = {} }: Options): Promise<RedisFleet> => {
  const fleet = await createFleet({ REDIS_URL: redisUrl, ...env })
  try {
    const first = await fleet.start(['api'])
    const second = await fleet.start(['api'])
    const started = await Promise.all(Array.from({ length: workers }, () => fleet.start(['worker'])))
    onTestFailed(() => {
      for (const { logs } of [first, second, ...started])
        process.stderr.write(`${logs.slice(-logLinesShown).join('\n')}\n\n`)
    })
    const watch = await openDatabaseWatch(fleet.database.url)
    return {
      fleet,
      apis: [first, second],
      workers: started,
      watch,
      startWorker: (more) => fleet.start(['worker'], more),
      close: async () => {
        await watch.close()
        await fleet.close()
      },
    }
  } catch (error) {
    await fleet.close()
    throw error
  }
}
