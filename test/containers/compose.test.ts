import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { find, history, post, request, submitMany, until, untilStatus } from '../scenarios/support/http.ts'
import { type Composition, createComposition } from './support/compose.ts'

const tasksInAll = 1_000
const minuteMs = 60_000

interface ShownWorkers {
  readonly items: readonly { readonly id: string; readonly host: string; readonly state: string }[]
}

let composition: Composition
beforeAll(async () => {
  composition = await createComposition()
  await composition.compose(['up', '--build', '-d', '--scale', 'worker=3'])
})
afterAll(() => composition.remove())

const services = ['postgres', 'redis', 'api', 'worker', 'maintenance']

const healthOf = (container: string): Promise<string> =>
  composition.docker(['inspect', '--format', '{{.State.Health.Status}}', container])

const untilHealthy = async (): Promise<void> => {
  for (const service of services) {
    await until(
      `${service} as healthy`,
      async () => {
        const states = await Promise.all((await composition.containersOf(service)).map(healthOf))
        return states.length > 0 && states.every((state) => state === 'healthy') ? states : undefined
      },
      3 * minuteMs,
    )
  }
}

const untilWorkers = (count: number): Promise<ShownWorkers['items']> =>
  until(
    `${count} live workers`,
    async () => {
      const { items } = (await request<ShownWorkers>(composition.url, '/api/workers')).body
      const live = items.filter(({ state }) => state === 'live')
      return live.length === count && items.length === count ? live : undefined
    },
    3 * minuteMs,
  )

const countEvents = (): Promise<string> => composition.ask('select count(*) from taskfold.events')

describe('an installation by docker-compose.yml', () => {
  test('starts only with a password of its own', async () => {
    await expect(composition.compose(['config'], { POSTGRES_PASSWORD: '' })).rejects.toThrow('POSTGRES_PASSWORD')
  })

  test('becomes healthy, with three workers, after the migrations ran once', async () => {
    await untilHealthy()

    expect(await untilWorkers(3)).toHaveLength(3)
    const [migration = ''] = await composition.containersOf('migrate')
    expect(await composition.docker(['inspect', '--format', '{{.State.ExitCode}}', migration])).toBe('0')
    expect(await composition.docker(['logs', migration])).toContain('migrated: 0001_applied')
  })

  test('runs as nobody in particular, on a root that cannot be written', async () => {
    const [worker = ''] = await composition.containersOf('worker')

    expect(await composition.docker(['exec', worker, 'id', '-u'])).toBe('1000')
    await expect(composition.docker(['exec', worker, 'touch', '/app/file'])).rejects.toThrow('Read-only')
  })

  test('ends a thousand tasks', async () => {
    const batch = {
      tasks: Array.from({ length: tasksInAll }, (_, index) => ({ type: 'demo.echo', payload: { index } })),
    }
    expect((await post(composition.url, '/api/tasks/batch', batch)).status).toBe(200)

    await until(
      'a thousand successes',
      async () => {
        const count = await composition.ask(`select count(*) from taskfold.tasks where status = 'SUCCESS'`)
        return count === String(tasksInAll) ? count : undefined
      },
      2 * minuteMs,
    )
  })

  test('scales to five workers, and takes over the tasks of one that is killed', async () => {
    await composition.compose(['up', '-d', '--no-recreate', '--scale', 'worker=5'])
    await untilWorkers(5)
    const tasks = await submitMany(composition.url, 100, () => ({ type: 'demo.sleep', payload: { ms: 20_000 } }))
    const running = await Promise.all(tasks.map(({ id }) => untilStatus(composition.url, id, 'PROCESSING', minuteMs)))
    const [victim = ''] = await composition.containersOf('worker')
    await composition.docker(['kill', victim])

    const ended = await Promise.all(running.map(({ id }) => untilStatus(composition.url, id, 'SUCCESS', 2 * minuteMs)))
    const retried = ended.filter(({ attempt }) => attempt > 1)
    expect(retried.length).toBeGreaterThan(0)
    const events = await history(composition.url, retried[0]?.id ?? '')
    expect(events.map(({ type }) => type)).toEqual([
      'Submitted',
      'Started',
      'Failed',
      'Retried',
      'Started',
      'Succeeded',
    ])
    expect(events[2]?.data).toMatchObject({ cause: 'worker-lost', final: false })
    expect(await untilWorkers(4)).toHaveLength(4)
  })

  test('says nothing of its password in any log', async () => {
    expect(await composition.compose(['logs', '--no-color'])).not.toContain(composition.password)
  })

  test('drains when it is stopped, and keeps all history when it is taken down and brought up again', async () => {
    const { id } = await submitMany(composition.url, 1, () => ({ type: 'demo.echo', payload: 'kept' })).then(([task]) =>
      untilStatus(composition.url, task?.id ?? '', 'SUCCESS'),
    )
    const before = { events: await countEvents(), history: await history(composition.url, id) }
    await composition.compose(['stop'])
    for (const service of ['api', 'maintenance']) {
      const [container = ''] = await composition.containersOf(service)
      expect(await composition.docker(['inspect', '--format', '{{.State.ExitCode}}', container])).toBe('0')
    }
    await composition.compose(['down'])
    expect(await composition.containersOf('postgres')).toEqual([])

    await composition.compose(['up', '-d', '--scale', 'worker=2'])
    await untilHealthy()
    await untilWorkers(2)
    expect(await countEvents()).toBe(before.events)
    expect(await history(composition.url, id)).toEqual(before.history)
    expect(await find(composition.url, id)).toMatchObject({ status: 'SUCCESS', result: 'kept' })
  })
})
