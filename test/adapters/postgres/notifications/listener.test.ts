import { sql } from 'slonik'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { channels, createPostgresListener, type PostgresListener } from '#adapters/postgres/notifications/listener.ts'
import { createMemoryLogger } from '#adapters/memory/surroundings/logger.ts'
import { silentLogger } from '../../../support/silent-logger.ts'
import { createFleet, type Fleet, type FleetProcess, waitUntil } from '../support/fleet.ts'
import { startFreezableProxy } from '../support/freezable-proxy.ts'

let fleet: Fleet
let here: FleetProcess
beforeAll(async () => {
  fleet = await createFleet()
  here = await fleet.startProcess()
})
afterAll(() => fleet.close())

const notify = (payload: string) =>
  here.pool.query(sql.type(z.unknown())`select pg_notify(${channels.hints}, ${payload})`)

const listenTo = (listener: PostgresListener) => {
  const heard: string[] = []
  const stop = listener.subscribe(channels.hints, {
    notified: (payload) => heard.push(payload),
    missed: () => heard.push('missed'),
  })
  return { heard, stop }
}

const createListener = (url: string): PostgresListener =>
  createPostgresListener({ url, pool: here.pool, logger: silentLogger, probeEveryMs: 50, answerDeadlineMs: 400 })

describe('a listener whose backend was terminated', () => {
  it('connects again, says that it may have missed something, and hears', async () => {
    const { heard, stop } = listenTo(here.listener)
    await here.pool.query(sql.type(z.unknown())`
      select pg_terminate_backend(pid)
      from pg_stat_activity
      where application_name = 'taskfold listen' and datname = current_database()`)
    await waitUntil(() => heard.includes('missed'))
    expect(here.listener.state()).toBe('listening')
    await notify('again')
    await waitUntil(() => heard.includes('again'))
    stop()
  })
})

describe('a listener on a connection that froze', () => {
  it('notices, and connects again once it can', async () => {
    const proxy = await startFreezableProxy(fleet.url)
    const listener = createListener(proxy.url)
    const { heard } = listenTo(listener)
    await waitUntil(() => listener.state() === 'listening')
    heard.splice(0)
    proxy.freeze()
    await waitUntil(() => listener.state() === 'connecting')
    await waitUntil(() => heard.includes('missed'))
    await notify('thawed')
    await waitUntil(() => heard.includes('thawed'))
    await listener.close()
    await proxy.close()
  })
})

describe('a listener that is brought nothing', () => {
  it('says that it is deaf', async () => {
    const elsewhere = await createFleet()
    const logger = createMemoryLogger()
    // What is sent into one database is not heard in another, as behind a pooler that passes no notifications on.
    const listener = createPostgresListener({
      url: elsewhere.url,
      pool: here.pool,
      logger,
      probeEveryMs: 50,
      answerDeadlineMs: 200,
    })
    await waitUntil(() => listener.state() === 'deaf')
    expect(logger.lines).toEqual([
      { level: 'warn', fields: {}, message: 'heard no notifications: what they would tell was polled for' },
    ])
    await listener.close()
    await elsewhere.close()
  })
})

describe('a listener without a server', () => {
  it('keeps trying until it is closed', async () => {
    const listener = createListener('postgres://nobody@127.0.0.1:1/nothing')
    expect(listener.state()).toBe('connecting')
    await listener.close()
    await listener.close()
    expect(listener.state()).toBe('closed')
  })
})

describe('a subscription that was stopped', () => {
  it('hears no more', async () => {
    const [stopped, listening] = [listenTo(here.listener), listenTo(here.listener)]
    stopped.stop()
    await notify('after')
    await waitUntil(() => listening.heard.includes('after'))
    expect(stopped.heard).toEqual([])
    listening.stop()
  })
})
