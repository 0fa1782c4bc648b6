import { fork } from 'node:child_process'

/** Begins an isolated run, names its process, and is dead before that has started. */
const child = fork(new URL('blocked-entry.ts', import.meta.url), [String(process.pid)], {
  detached: true,
  stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
})
process.stdout.write(`${child.pid}\n`, () => process.kill(process.pid, 'SIGKILL'))
