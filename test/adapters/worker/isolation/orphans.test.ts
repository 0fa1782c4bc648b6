import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('an isolated run ends by itself when its worker died before it had started', async () => {
  const worker = spawn(process.execPath, [fileURLToPath(new URL('support/dying-worker.ts', import.meta.url))], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(worker, 'exit')
  const [line] = await once(createInterface({ input: worker.stdout }), 'line')
  await ended
  const pid = Number(line)
  try {
    await expect.poll(() => isAlive(pid), { timeout: 20_000 }).toBe(false)
  } finally {
    if (isAlive(pid)) process.kill(pid, 'SIGKILL')
  }
})
