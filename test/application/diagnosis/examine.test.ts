import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createManualTime } from '#adapters/memory/surroundings/manual-time.ts'
import { checkSpace } from '#application/diagnosis/check-store.ts'
import { examine } from '#application/diagnosis/examine.ts'
import type { DatabaseProbe, StoreSpace } from '#application/ports/diagnostics.ts'

const project = join(import.meta.dirname, '../../..')

const answering: DatabaseProbe = {
  readServer: async () => ({
    version: '18.4',
    fault: undefined,
    synchronousCommit: 'on',
    fullPageWrites: 'on',
    readOnly: 'off',
    connections: 1,
    connectionsMax: 100,
  }),
  readMigrations: async () => ({ kind: 'current' }),
  hearNotification: async () => 'heard',
}

const examineWith = (database: DatabaseProbe, time = createManualTime()) =>
  examine({
    database,
    queueServer: undefined,
    openStore: () => Promise.reject(new Error('no door')),
    clock: time.clock,
    timers: time.timers,
  })

describe('an examination', () => {
  test('tells of a check that cannot be made, and makes the others', async () => {
    const findings = await examineWith({ ...answering, hearNotification: () => Promise.reject(new Error('broken')) })

    expect(findings).toContainEqual(
      expect.objectContaining({
        code: 'notifications-not-examined',
        severity: 'warning',
        what: expect.stringContaining('broken'),
      }),
    )
    expect(findings).toContainEqual(expect.objectContaining({ code: 'database', severity: 'ok' }))
    expect(findings).toContainEqual(expect.objectContaining({ code: 'store-not-examined' }))
  })

  test('waits for no check beyond its deadline', async () => {
    const time = createManualTime()
    const examination = examineWith({ ...answering, readMigrations: () => new Promise(() => {}) }, time)
    await time.advance(60_000)

    expect(await examination).toContainEqual(
      expect.objectContaining({ code: 'migrations-not-examined', what: expect.stringContaining('longer than') }),
    )
    expect(time.pendingTimers()).toBe(0)
  })

  test('opens no store that is of another release', async () => {
    const findings = await examineWith({
      ...answering,
      readMigrations: async () => ({ kind: 'later-release', names: ['9'] }),
    })

    expect(findings.map(({ code }) => code)).toEqual([
      'database',
      'durability',
      'connections',
      'later-release',
      'notifications',
      'queue',
    ])
  })
})

describe('the disk of the database', () => {
  const judge = async (freeBytes: number) => {
    const space: StoreSpace = { usedBytes: 1, disk: { freeBytes, totalBytes: 100 } }
    const [finding] = await checkSpace({ readSpace: async () => space })
    return finding?.code
  }

  test.each([
    [50, 'disk'],
    [14, 'disk-filling'],
    [4, 'disk-full'],
  ])('with %i %% free is %s', async (free, code) => {
    expect(await judge(free)).toBe(code)
  })
})

describe('docs/deployment.md', () => {
  test('names every code of a finding that is not well', () => {
    const folder = join(project, 'src/application/diagnosis')
    const sources = readdirSync(folder).map((file) => readFileSync(join(folder, file), 'utf8'))
    const codes = sources.flatMap((text) =>
      [...text.matchAll(/\b(?:trouble|warning)\(\s*'([a-z-]+)'/g)].map(([, code = '']) => code),
    )
    const guide = readFileSync(join(project, 'docs/deployment.md'), 'utf8')

    expect(codes.length).toBeGreaterThan(20)
    for (const code of codes) expect(guide).toContain(`\`${code}\``)
  })
})
