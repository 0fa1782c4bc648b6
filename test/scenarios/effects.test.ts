import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { createFleet, type Fleet } from './support/fleet.ts'
import { expectWholeHistory } from './support/audit.ts'
import { request, submit, until, untilStatus } from './support/http.ts'

let fleet: Fleet
let folder: string
afterEach(async () => {
  await fleet.close()
  await rm(folder, { recursive: true, force: true })
})

const module = join(import.meta.dirname, 'support/careful-task.ts')

it('an effect is not repeated when its worker was killed after it, and its progress is shown meanwhile', async () => {
  folder = await mkdtemp(join(tmpdir(), 'taskfold-effects-'))
  const file = join(folder, 'written.txt')
  fleet = await createFleet()
  const api = await fleet.start(['api'])
  const doomed = await fleet.start(['worker'], { HANDLERS: module })
  const { id } = await submit(api.url, { type: 'careful', payload: { file, holdMs: 600_000 } })
  const shown = await until('the progress', async () => {
    const { body } = await request<{ readonly progress: unknown }>(api.url, `/api/tasks/${id}`)
    return body.progress ?? undefined
  })
  expect(shown).toEqual({ attempt: 1, written: true })

  doomed.signal('SIGKILL')
  await doomed.ended
  await fleet.start(['worker'], { HANDLERS: module })
  const [key] = (await readFile(file, 'utf8')).trim().split('\n')
  expect((await untilStatus(api.url, id, 'SUCCESS')).result).toEqual({ key, attempt: 1 })
  expect(await readFile(file, 'utf8')).toBe(`${key}\n`)
  const { body } = await request<{ readonly items: readonly unknown[] }>(api.url, `/api/tasks/${id}/effects`)
  expect(body.items).toMatchObject([{ name: 'write', mode: 'idempotent', state: 'completed', attempt: 1 }])
  await expectWholeHistory(fleet.database.url)
}, 120_000)
