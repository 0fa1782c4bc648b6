import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createClient, type EndedTask } from 'taskfold'
import { describe, expect, test } from 'vitest'
import { type Checkout, createCheckout, findFreePort, type RunningCommand } from './support/checkout.ts'

/** What an example's README has people type, a command each, in order. */
const readCommands = async (checkout: Checkout, example: string): Promise<readonly string[]> => {
  const text = await readFile(join(checkout.folder, 'examples', example, 'README.md'), 'utf8')
  return text
    .split('\n')
    .filter((line) => line.startsWith('    '))
    .map((line) => line.trim())
}

interface Played {
  /** What the commands that end have written. */
  readonly outputs: readonly string[]
  /** Those that go on: a server of the example, and Taskfold. */
  readonly servers: readonly RunningCommand[]
  /** The task that was submitted, at its end. */
  readonly task: EndedTask
  /** What it came to after each command that asked the interface for something. */
  readonly details: readonly string[]
}

/** A port that is named in a README may be taken on this machine; each is replaced by a free one, wherever it is named. */
const usedPorts = [3_000, 2_525, 4_000, 4_001, 4_002, 4_003]

/** Where the server of an example listens. */
const portOfExample: Readonly<Record<string, string>> = {
  email: '2525',
  webhook: '4000',
  'order-mail': '4001',
  payment: '4002',
  'text-message': '4003',
}

/**
 * Types an example's commands one after another, as its README says, and between two of them waits for the end of the
 * task, for which a reader would look at the terminal. `$id` is its id.
 */
const play = async (checkout: Checkout, example: string): Promise<Played> => {
  const ports = new Map<number, number>()
  for (const port of usedPorts) ports.set(port, await findFreePort())
  const portOf = (port: string): string => String(ports.get(Number(port)) ?? port)
  const outputs: string[] = []
  const servers: RunningCommand[] = []
  let task: EndedTask | undefined
  const details: string[] = []
  for (const command of await readCommands(checkout, example)) {
    const typed = command
      .replaceAll(/(?<=(?:localhost|127\.0\.0\.1):)\d+/g, portOf)
      .replaceAll('$id', () => task?.id ?? '')
    if (/\bnpm start$/.test(typed)) servers.push(await checkout.start(typed, { PORT: portOf('3000') }))
    else if (/^npx node examples\/\S+\.ts$/.test(typed)) {
      servers.push(await checkout.start(`${typed} ${portOf(portOfExample[example] ?? '')}`))
    } else {
      const output = await checkout.run(typed)
      outputs.push(output)
      if (typed.includes('/api/tasks')) {
        const answered: { readonly id: string } = JSON.parse(output)
        task = await createClient({ url: `http://127.0.0.1:${portOf('3000')}` }).waitForEnd(task?.id ?? answered.id)
        details.push(task.detail)
      }
    }
  }
  if (task === undefined) throw new Error(`the README of ${example} submits nothing`)
  return { outputs, servers, task, details }
}

describe('an example, typed from its README into a fresh checkout', { timeout: 180_000 }, () => {
  test('sends an e-mail, which the first terminal shows', async () => {
    await using checkout = await createCheckout()
    const { servers, task } = await play(checkout, 'email')

    expect(task).toMatchObject({ status: 'SUCCESS', result: { accepted: ['ada@example.org'] } })
    await expect.poll(() => servers[0]?.said()).toContain('Sent by a task.')
  })

  test('renders a report, which can be read', async () => {
    await using checkout = await createCheckout()
    const { outputs, task } = await play(checkout, 'report')

    expect(task).toMatchObject({ status: 'SUCCESS', result: { rows: 240, regions: 4 } })
    expect(outputs.at(-1)).toMatch(
      /^region,amount\nEast,\d+\.\d\d\nNorth,\d+\.\d\d\nSouth,\d+\.\d\d\nWest,\d+\.\d\d\n$/,
    )
  })

  test('pushes a webhook, which is refused twice and then taken', async () => {
    await using checkout = await createCheckout()
    const { servers, task } = await play(checkout, 'webhook')

    expect(task).toMatchObject({ status: 'SUCCESS', attempt: 3, result: { status: 200, body: 'thank you' } })
    await expect.poll(() => servers[0]?.said()).toMatch(/attempt 1: refused\nattempt 2: refused\nattempt 3: accepted/)
  })

  test('confirms an order by one mail, whose first answer is lost', async () => {
    await using checkout = await createCheckout()
    const { servers, task } = await play(checkout, 'order-mail')

    expect(task).toMatchObject({ status: 'SUCCESS', attempt: 2, result: { id: 'mail-1' } })
    await expect.poll(() => servers[0]?.said()).toMatch(/mail-1 goes out\nmail-1 went out before$/)
  })

  test('pays once for an order, and asks the provider before it would charge again', async () => {
    await using checkout = await createCheckout()
    const { servers, task } = await play(checkout, 'payment')

    expect(task).toMatchObject({ status: 'SUCCESS', attempt: 2, result: { id: 'charge-1', cents: 1_999 } })
    const said = /charge-1: 1999 cents for order 4711\nasked: charge-1 was charged$/
    await expect.poll(() => servers[0]?.said()).toMatch(said)
  })

  test('adds a sale to the row of its month', async () => {
    await using checkout = await createCheckout()
    const { task } = await play(checkout, 'sales-rows')

    expect(task).toMatchObject({ status: 'SUCCESS', attempt: 1, result: { sales: 1, cents: 1_999 } })
  })

  test('sends a text message once, and asks a person when nobody knows whether it was sent', async () => {
    await using checkout = await createCheckout()
    const { outputs, servers, task, details } = await play(checkout, 'text-message')

    expect(details).toEqual(['effect-in-doubt', 'effect-in-doubt', 'succeeded'])
    expect(outputs[1]).toContain('"settled":{"at":')
    // The gateway was busy at the first attempt, hung up on the second, and was not asked by the third.
    expect(task).toMatchObject({ status: 'SUCCESS', attempt: 3, result: { id: 'message-1' } })
    await expect.poll(() => servers[0]?.said()).toMatch(/busy: nothing is sent\nmessage-1 is sent$/)
  })

  test('cleans up when its time has come, and not before', async () => {
    await using checkout = await createCheckout()
    const { outputs, task } = await play(checkout, 'nightly-clean-up')

    expect(task).toMatchObject({ status: 'SUCCESS', result: { removed: 1, kept: 1 } })
    expect(Date.parse(task.startedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(task.runAt))
    expect(Date.parse(task.runAt)).toBeGreaterThan(Date.parse(task.submittedAt))
    expect(outputs.at(-1)).toBe('new\n')
  })
})

test('each example is played', async () => {
  const project = join(import.meta.dirname, '../..')
  const names = (await readdir(join(project, 'examples'), { withFileTypes: true })).filter((item) => item.isDirectory())
  expect(names.map(({ name }) => name).toSorted()).toEqual([
    'email',
    'nightly-clean-up',
    'order-mail',
    'payment',
    'report',
    'sales-rows',
    'text-message',
    'webhook',
  ])
})
