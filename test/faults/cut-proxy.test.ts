import { Redis } from 'ioredis'
import pg from 'pg'
import { beforeEach, describe, expect, inject, it, onTestFinished } from 'vitest'
import { createTestDatabase } from '../support/test-database.ts'
import { type CutProxy, startCutProxy } from './support/cut-proxy.ts'
import { createPostgresConversation } from './support/postgres-conversation.ts'
import { createRedisConversation } from './support/redis-conversation.ts'

const openClient = async (url: string): Promise<pg.Client> => {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  onTestFinished(() => client.end().catch(() => {}))
  return client
}

describe('a proxy before PostgreSQL', () => {
  let proxy: CutProxy
  let direct: pg.Client
  let passing: pg.Client

  beforeEach(async () => {
    const database = await createTestDatabase()
    onTestFinished(() => database.close())
    const url = new URL(database.url)
    proxy = await startCutProxy(Number(url.port), createPostgresConversation)
    onTestFinished(() => proxy.close())
    direct = await openClient(url.href)
    await direct.query('create table kept (n int)')
    url.port = String(proxy.port)
    url.hostname = '127.0.0.1'
    passing = await openClient(url.href)
  })

  const readKept = async (): Promise<readonly number[]> =>
    (await direct.query<{ n: number }>('select n from kept order by n')).rows.map(({ n }) => n)

  it('loses the answer to a statement that commits, which was done', async () => {
    const ambush = proxy.harmWrites('answer-lost', 1)
    expect((await passing.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    await expect(passing.query('insert into kept values ($1)', [1])).rejects.toThrow('Connection terminated')
    expect(await readKept()).toEqual([1])
    expect(ambush.met).toBe(1)
  })

  it('loses a statement before it commits, which was not done', async () => {
    proxy.harmWrites('request-lost', 1)
    await expect(passing.query('insert into kept values (1)')).rejects.toThrow('Connection terminated')
    expect(await readKept()).toEqual([])
  })

  it('tears a statement, which was not done', async () => {
    proxy.harmWrites('request-torn', 1)
    await expect(passing.query('insert into kept values ($1)', [1])).rejects.toThrow('Connection terminated')
    expect(await readKept()).toEqual([])
  })

  it('tears an answer', async () => {
    proxy.harmWrites('answer-torn', 1)
    await expect(passing.query('insert into kept values ($1)', [1])).rejects.toThrow('Connection terminated')
    expect(await readKept()).toEqual([1])
  })

  it('ends a connection after the answer', async () => {
    const ended = new Promise((resolve) => {
      passing.once('end', resolve)
    })
    proxy.harmWrites('cut-after-answer', 1)
    await passing.query('insert into kept values ($1)', [1])
    await ended
  })

  it('takes the end of a transaction for the write, and no statement in it', async () => {
    await passing.query('begin')
    proxy.harmWrites('answer-lost', 1)
    await passing.query('insert into kept values ($1)', [1])
    await expect(passing.query('commit')).rejects.toThrow('Connection terminated')
    expect(await readKept()).toEqual([1])
  })

  it('brings late what was stalled, though its sender has gone', async () => {
    const release = proxy.stall('to-server')
    const asked = passing.query('insert into kept values (1)').catch(() => 'gone')
    passing.connection.stream.destroy()
    expect(await asked).toBe('gone')
    expect(await readKept()).toEqual([])
    release()
    await expect.poll(readKept, { timeout: 30_000 }).toEqual([1])
  })

  it('carries slowly all that was sent', async () => {
    const release = proxy.slow({ bytesMax: 10_000, pauseMs: 5 })
    const { rows } = await passing.query<{ length: number }>('select length($1) as length', ['x'.repeat(100_000)])
    expect(rows).toEqual([{ length: 100_000 }])
    release()
  })

  it('leaves those who are stranded without an answer, and lets them go afterwards', async () => {
    const release = proxy.strand()
    const asked = passing.query('select 1').catch((error: unknown) => error)
    const late = new pg.Client({ host: '127.0.0.1', port: proxy.port, connectionTimeoutMillis: 200 })
    late.on('error', () => {})
    await expect(late.connect()).rejects.toThrow('timeout')
    release()
    expect(await asked).toBeInstanceOf(Error)
  })
})

const redisUrl = inject('redisUrl')
describe.runIf(redisUrl !== null)('a proxy before Redis', () => {
  const open = async () => {
    const url = new URL(redisUrl ?? '')
    const proxy = await startCutProxy(Number(url.port), createRedisConversation)
    onTestFinished(() => proxy.close())
    const key = `proxy-${proxy.port}`
    const toClient = (port: number): Redis => {
      const client = new Redis({ host: '127.0.0.1', port, maxRetriesPerRequest: 0, retryStrategy: () => null })
      client.on('error', () => {})
      onTestFinished(() => client.disconnect())
      return client
    }
    const direct = toClient(Number(url.port))
    onTestFinished(async () => void (await direct.del(key)))
    return { proxy, key, direct, passing: toClient(proxy.port) }
  }

  it('loses the reply to a command that was done', async () => {
    const { proxy, key, direct, passing } = await open()
    const ambush = proxy.harmWrites('answer-lost', 1)
    expect(await passing.get(key)).toBeNull()
    await expect(passing.zadd(key, 1, 'a')).rejects.toThrow()
    expect(await direct.zrange(key, '0', '-1')).toEqual(['a'])
    expect(ambush.met).toBe(1)
  })

  it('loses a command', async () => {
    const { proxy, key, direct, passing } = await open()
    proxy.harmWrites('request-lost', 1)
    await expect(passing.zadd(key, 1, 'a')).rejects.toThrow()
    expect(await direct.exists(key)).toBe(0)
  })
})

describe('what a conversation is divided into', () => {
  it('does not depend on how its bytes arrive', () => {
    const reply = Buffer.from('*2\r\n$5\r\nhello\r\n:1\r\n+OK\r\n$-1\r\n%1\r\n+a\r\n*0\r\n')
    const pieces = [...reply].map((byte) => Buffer.from([byte]))
    const conversation = createRedisConversation()
    const parts = pieces.flatMap((piece) => conversation.answer(piece)).map(({ bytes }) => bytes.toString())
    expect(parts).toEqual(['*2\r\n$5\r\nhello\r\n:1\r\n', '+OK\r\n', '$-1\r\n', '%1\r\n+a\r\n*0\r\n'])
  })

  it('is known for PostgreSQL by the statement that was prepared before', () => {
    const message = (type: string, ...texts: readonly string[]): Buffer => {
      const body = Buffer.from(texts.map((text) => `${text}\0`).join(''))
      const head = Buffer.alloc(5)
      head.write(type)
      head.writeInt32BE(body.length + 4, 1)
      return Buffer.concat([head, body])
    }
    const start = Buffer.from([0, 0, 0, 8, 0, 3, 0, 0])
    const conversation = createPostgresConversation()
    conversation.request(start)
    const prepared = Buffer.concat([message('P', 's1', 'select * from taskfold.append(1)'), message('S')])
    const bound = Buffer.concat([message('B', '', 's1'), message('E'), message('S')])
    const read = Buffer.concat([message('P', '', 'select 1'), message('B', '', ''), message('S')])
    expect(conversation.request(prepared).map(({ kind }) => kind)).toEqual(['write'])
    const bytewise = [...bound].flatMap((byte) => conversation.request(Buffer.from([byte])))
    expect(bytewise).toEqual([{ bytes: bound, kind: 'write' }])
    expect(conversation.request(read).map(({ kind }) => kind)).toEqual(['other'])
  })
})
