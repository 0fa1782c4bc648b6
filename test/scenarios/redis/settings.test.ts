import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import { openConsole } from '../../adapters/redis/support/clients.ts'
import { hasRedisServer, startRedisServer } from '../../support/redis-server.ts'
import { createFleet, type Fleet } from '../support/fleet.ts'
import { submit, until, untilStatus } from '../support/http.ts'
import { runTaskfold } from '../support/process.ts'

let fleet: Fleet
afterEach(async () => {
  await fleet.close()
})

const begin = async () => {
  const server = await startRedisServer(['--databases', '4'])
  onTestFinished(() => server.remove())
  fleet = await createFleet({})
  return server
}

describe.runIf(hasRedisServer())('REDIS_URL', () => {
  it(
    'that names a database which is not there ends the start, and database 0 is not used',
    { timeout: 60_000 },
    async () => {
      const { url } = await begin()
      const env = { ...fleet.env, REDIS_URL: `${url}/99`, LOG_LEVEL: 'silent' }
      expect(await runTaskfold({ env })).toEqual({
        end: 1,
        out: '',
        err: 'REDIS_URL names database 99, which the server does not have\n',
      })
      const { out } = await runTaskfold({ words: ['doctor'], env })
      expect(out).toContain('TROUBLE redis-refused: REDIS_URL names database 99, which the server does not have')
    },
  )

  it('that names a database which is there leads to it', { timeout: 60_000 }, async () => {
    const { url } = await begin()
    const all = await fleet.start([], { REDIS_URL: `${url}/3` })
    const { id } = await submit(all.url, { type: 'demo.echo', payload: 1 })
    await untilStatus(all.url, id, 'SUCCESS')
  })

  it('with a user who may not read INFO makes lines of the log and no others', { timeout: 60_000 }, async () => {
    const server = await begin()
    await openConsole(server).acl('SETUSER', 'ann', 'on', '>hush', '~*', '&*', '+@all', '-info')
    const REDIS_URL = server.url.replace('redis://', 'redis://ann:hush@')
    const all = await fleet.start([], { REDIS_URL })
    const line = await until('the warning', async () =>
      all.logs.find((text) => text.includes('a library wrote a line')),
    )
    expect(JSON.parse(line)).toMatchObject({ level: 'warn', library: 'ioredis' })
    const { id } = await submit(all.url, { type: 'demo.echo', payload: 1 })
    await untilStatus(all.url, id, 'SUCCESS')
    all.signal('SIGTERM')
    await all.ended
    for (const text of all.logs) expect(() => JSON.parse(text)).not.toThrow()
    expect(all.logs.join()).not.toContain('hush')
  })
})
