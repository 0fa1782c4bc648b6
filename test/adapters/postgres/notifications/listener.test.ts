import { sql } from 'slonik'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { channels, createPostgresListener, type PostgresListener } from '#adapters/postgres/notifications/listener.ts'
import { createMemoryLogger } from '#adapters/memory/surroundings/logger.ts'
import { silentLogger } from '../../../support/silent-logger.ts'
import { createFleet, type Fleet, type FleetProcess, waitUntil } from '../support/fleet.ts'
import { startFreezableProxy } from '../support/freezable-proxy.ts'
import { toAddress } from '../../../support/database-address.ts'

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
  const received: string[] = []
  const stop = listener.subscribe(channels.hints, {
    onNotification: (payload) => received.push(payload),
    onGap: () => received.push('gap'),
  })
  return { received, stop }
}

const createListener = (url: string): PostgresListener =>
  createPostgresListener({
    address: toAddress(url),
    pool: here.pool,
    logger: silentLogger,
    probeEveryMs: 50,
    answerDeadlineMs: 400,
  })

describe('a listener whose backend was terminated', () => {
  it('connects again, tells of the gap, and passes notifications on', async () => {
    const { received, stop } = listenTo(here.listener)
    await here.pool.query(sql.type(z.unknown())`
      select pg_terminate_backend(pid)
      from pg_stat_activity
      where application_name = 'taskfold listen' and datname = current_database()`)
    await waitUntil(() => received.includes('gap'))
    expect(here.listener.state()).toBe('listening')
    await notify('again')
    await waitUntil(() => received.includes('again'))
    stop()
  })
})

describe('a listener on a connection that froze', () => {
  it('notices, and connects again once it can', async () => {
    const proxy = await startFreezableProxy(fleet.url)
    const listener = createListener(proxy.url)
    const { received } = listenTo(listener)
    await waitUntil(() => listener.state() === 'listening')
    received.splice(0)
    proxy.freeze()
    await waitUntil(() => listener.state() === 'connecting')
    await waitUntil(() => received.includes('gap'))
    await notify('thawed')
    await waitUntil(() => received.includes('thawed'))
    await listener.close()
    await proxy.close()
  })
})

describe('a listener to which no notifications arrive', () => {
  it('says that it is silent', async () => {
    const elsewhere = await createFleet()
    const logger = createMemoryLogger()
    // What is sent into one database is not received in another, as behind a pooler that passes no notifications on.
    const listener = createPostgresListener({
      address: toAddress(elsewhere.url),
      pool: here.pool,
      logger,
      probeEveryMs: 50,
      answerDeadlineMs: 200,
    })
    await waitUntil(() => listener.state() === 'silent')
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
  it('gets no more notifications', async () => {
    const [stopped, listening] = [listenTo(here.listener), listenTo(here.listener)]
    stopped.stop()
    await notify('after')
    await waitUntil(() => listening.received.includes('after'))
    expect(stopped.received).toEqual([])
    listening.stop()
  })
})
