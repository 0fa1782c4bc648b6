import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { createFleet } from '../support/fleet.ts'
import { submit, until, untilStatus } from '../support/http.ts'

const execute = promisify(execFile)
const deploy = join(import.meta.dirname, '../../../deploy')

const isInstalled = async (program: string): Promise<boolean> =>
  execute(program, ['--version']).then(
    () => true,
    () => false,
  )

const missing: string[] = []
for (const program of ['promtool', 'prometheus']) if (!(await isInstalled(program))) missing.push(program)
if (missing.length > 0) {
  const message = `NOT RUN: the alert rules and the drill with Prometheus, because there is no ${missing.join(', ')}`
  if (process.env['CI'] === 'true') throw new Error(message)
  process.stderr.write(`${message}\n`)
}

const dashboard = z.object({
  panels: z.array(z.object({ targets: z.array(z.object({ expr: z.string() })).optional() })),
})
const answer = z.object({
  status: z.literal('success'),
  data: z.object({ result: z.array(z.object({ value: z.tuple([z.number(), z.string()]) })) }),
})
const rules = z.object({
  data: z.object({ groups: z.array(z.object({ rules: z.array(z.object({ name: z.string(), health: z.string() })) })) }),
})

const findFreePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}

const startPrometheus = async (target: string): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'taskfold-prometheus-'))
  const config = await readFile(join(deploy, 'prometheus/prometheus.yml'), 'utf8')
  const quick = config.replaceAll('15s', '1s').replace('127.0.0.1:3000', target)
  expect(quick).toContain(target)
  await writeFile(join(folder, 'prometheus.yml'), quick)
  await copyFile(join(deploy, 'prometheus/alerts.yml'), join(folder, 'alerts.yml'))
  const port = await findFreePort()
  const child = spawn(
    'prometheus',
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: 'ignore' },
  )
  onTestFinished(async () => {
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
    await rm(folder, { recursive: true, force: true })
  })
  return `http://127.0.0.1:${port}`
}

const query = async (prometheus: string, expression: string): Promise<readonly number[]> => {
  const response = await fetch(`${prometheus}/api/v1/query?query=${encodeURIComponent(expression)}`)
  const { data } = answer.parse(await response.json())
  return data.result.map(({ value: [, value] }) => Number(value))
}

describe.skipIf(missing.length > 0)('the files for Prometheus and Grafana', () => {
  it('have alert rules that keep their own tests', async () => {
    const folder = join(deploy, 'prometheus')
    const { stdout } = await execute('promtool', ['test', 'rules', join(folder, 'alerts.test.yml')])
    expect(stdout).toContain('SUCCESS')
    await execute('promtool', ['check', 'config', join(folder, 'prometheus.yml')])
  })

  it('work with a real Prometheus that scrapes a real process', { timeout: 90_000 }, async () => {
    const fleet = await createFleet()
    onTestFinished(() => fleet.close())
    const { url } = await fleet.start([])
    const prometheus = await startPrometheus(new URL(url).host)
    const submitted = ['one', 'two', 'three'].map((payload) => submit(url, { type: 'demo.echo', payload }))
    for (const { id } of await Promise.all(submitted)) await untilStatus(url, id, 'SUCCESS')

    await until('the tasks in Prometheus', async () => {
      const [count] = await query(prometheus, 'sum(taskfold_attempts_finished_total{outcome="succeeded"})')
      return count === 3 ? count : undefined
    })
    expect(await query(prometheus, 'up{job="taskfold"}')).toEqual([1])
    await until('every rule to be judged', async () => {
      const { data } = rules.parse(await (await fetch(`${prometheus}/api/v1/rules`)).json())
      const health = data.groups.flatMap((group) => group.rules.map((rule) => rule.health))
      return health.length > 5 && health.every((state) => state === 'ok') ? health : undefined
    })

    const { panels } = dashboard.parse(JSON.parse(await readFile(join(deploy, 'grafana/taskfold.json'), 'utf8')))
    const expressions = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
    expect(expressions.length).toBeGreaterThan(25)
    for (const expression of expressions) await query(prometheus, expression.replaceAll('$__rate_interval', '1m'))
    const names = await allNames(prometheus)
    const used = [...expressions, await readFile(join(deploy, 'prometheus/alerts.yml'), 'utf8')].flatMap(
      (text) => text.match(/\b(?:taskfold|nodejs|process)_[a-z_]+/g) ?? [],
    )
    expect(used.filter((name) => !names.has(name))).toEqual([])
  })
})

const allNames = async (prometheus: string): Promise<ReadonlySet<string>> => {
  const response = await fetch(`${prometheus}/api/v1/label/__name__/values`)
  return new Set(z.object({ data: z.array(z.string()) }).parse(await response.json()).data)
}
