import { type StandardSchema, defineTask } from 'taskfold'

/** Tasks that take their process with them, each in its way. */
export const exits = defineTask({
  type: 'poison.exit',
  run: async () => process.exit(3),
})

export const kills = defineTask({
  type: 'poison.kill',
  run: async () => {
    process.kill(process.pid, 'SIGKILL')
    await new Promise(() => {})
  },
})

export const spins = defineTask({
  type: 'poison.spin',
  run: async () => {
    for (;;);
  },
})

export const swells = defineTask({
  type: 'poison.swell',
  run: async () => {
    const hoard: number[][] = []
    for (;;) hoard.push(Array.from({ length: 100_000 }, () => Math.random()))
  },
})

/** Dies while its payload is judged, before the handler. */
const deadly: StandardSchema<unknown, unknown> = {
  '~standard': { version: 1, vendor: 'test', validate: () => process.exit(4) },
}

export const judges = defineTask({ type: 'poison.judge', input: deadly, run: async () => null })

/** Waits for ever in the attempts that are to be lost, then finds out where it runs. */
export const innocent = defineTask({
  type: 'poison.innocent',
  run: async (_, context) => {
    if (context.attempt < 3) await new Promise(() => {})
    context.progress('half')
    const parent = await context.effect('where', { mode: 'idempotent' }, () => process.ppid)
    const secrets = ['DATABASE_URL', 'PGPASSWORD', 'SMTP_URL'].filter((name) => process.env[name] !== undefined)
    return { attempt: context.attempt, pid: process.pid, parent, secrets, path: process.env['PATH'] !== undefined }
  },
})
