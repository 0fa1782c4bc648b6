import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { z } from 'zod'
import { listVariables } from '#bootstrap/config.ts'

const project = join(import.meta.dirname, '../..')
const folder = join(project, 'deploy/kubernetes')

const labels = z.record(z.string(), z.string())
const probe = z.object({ httpGet: z.object({ path: z.string(), port: z.string() }), timeoutSeconds: z.int() })

const container = z.object({
  args: z.array(z.string()),
  envFrom: z.array(z.object({ secretRef: z.object({ name: z.string() }).optional() })),
  env: z.array(z.object({ name: z.string(), value: z.string() })),
  ports: z.array(z.object({ name: z.string(), containerPort: z.int() })).optional(),
  securityContext: z.object({
    readOnlyRootFilesystem: z.boolean(),
    allowPrivilegeEscalation: z.boolean(),
    capabilities: z.object({ drop: z.array(z.string()) }),
  }),
  resources: z.object({
    requests: z.object({ cpu: z.string(), memory: z.string() }),
    limits: z.object({ memory: z.string() }),
  }),
  livenessProbe: probe.optional(),
  readinessProbe: probe.optional(),
  startupProbe: probe.optional(),
})

const workload = z.object({
  kind: z.enum(['Deployment', 'Job']),
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    selector: z.object({ matchLabels: labels }).optional(),
    template: z.object({
      metadata: z.object({ labels }),
      spec: z.object({
        terminationGracePeriodSeconds: z.int(),
        securityContext: z.object({ runAsNonRoot: z.boolean(), runAsUser: z.int() }),
        containers: z.tuple([container]),
      }),
    }),
  }),
})

const documents: readonly unknown[] = readdirSync(folder)
  .filter((file) => file.endsWith('.yaml'))
  .flatMap((file) => parseAllDocuments(readFileSync(join(folder, file), 'utf8')).map((document) => document.toJS()))

const ofKind = <Shape extends z.ZodType>(kinds: readonly string[], shape: Shape): readonly z.output<Shape>[] =>
  documents
    .filter((document) => kinds.includes(z.object({ kind: z.string() }).parse(document).kind))
    .map((document) => shape.parse(document))

const workloads = ofKind(['Deployment', 'Job'], workload)
const deployments = workloads.filter(({ kind }) => kind === 'Deployment')
const defaults = new Map(listVariables().map(({ name, byDefault }) => [name, byDefault]))
const [config] = ofKind(['ConfigMap'], z.object({ data: labels }))
const afterDrainSeconds = 15
const drainSeconds = Number(config?.data['DRAIN_MS']) / 1_000

describe('the manifests for Kubernetes', () => {
  test('are there, one for each role and one for the migrations', () => {
    const words = workloads.map(({ spec }) => spec.template.spec.containers[0].args)
    expect(new Set(words.map((each) => each.join(' ')))).toEqual(new Set(['api', 'maintenance', 'migrate', 'worker']))
  })

  test.each(workloads.map((each) => [each.metadata.name, each.spec.template.spec]))(
    '%s runs as an unprivileged user, on a read-only root, with limits on its resources',
    (_, { securityContext, containers: [only] }) => {
      expect(securityContext).toEqual({ runAsNonRoot: true, runAsUser: 1_000 })
      expect(only.securityContext).toEqual({
        readOnlyRootFilesystem: true,
        allowPrivilegeEscalation: false,
        capabilities: { drop: ['ALL'] },
      })
      expect(only.envFrom).toContainEqual({ secretRef: { name: 'taskfold' } })
      expect(only.env.map(({ name }) => name)).toEqual(['HOST', 'PORT'])
    },
  )

  test.each(deployments.map((each) => [each.metadata.name, each.spec]))(
    '%s is probed, and selects its own pods',
    (_, spec) => {
      const [{ livenessProbe, readinessProbe, startupProbe, ports }] = spec.template.spec.containers
      const isApi = spec.template.metadata.labels['app.kubernetes.io/component'] === 'api'
      expect(livenessProbe?.httpGet).toEqual({ path: '/livez', port: 'http' })
      expect(startupProbe?.httpGet).toEqual({ path: '/livez', port: 'http' })
      expect(readinessProbe?.httpGet).toEqual({ path: isApi ? '/livez' : '/readyz', port: 'http' })
      expect(ports).toEqual([{ name: 'http', containerPort: 3_000 }])
      expect(spec.selector?.matchLabels).toEqual(spec.template.metadata.labels)
    },
  )

  test('give a worker the time to drain, to abort what is left, and to close', () => {
    const worker = deployments.find(({ metadata }) => metadata.name === 'taskfold-worker')
    expect(worker?.spec.template.spec.terminationGracePeriodSeconds).toBeGreaterThan(drainSeconds + afterDrainSeconds)
  })

  test('point at pods and workloads that exist', () => {
    const podLabels = deployments.map(({ spec }) => spec.template.metadata.labels)
    const services = ofKind(['Service'], z.object({ spec: z.object({ selector: labels }) }))
    const budgets = ofKind(
      ['PodDisruptionBudget'],
      z.object({ spec: z.object({ selector: z.object({ matchLabels: labels }) }) }),
    )
    const scalers = ofKind(
      ['HorizontalPodAutoscaler'],
      z.object({ spec: z.object({ scaleTargetRef: z.object({ name: z.string() }) }) }),
    )
    expect([services.length, budgets.length, scalers.length]).toEqual([1, 2, 1])
    for (const { spec } of services) expect(podLabels).toContainEqual(spec.selector)
    for (const { spec } of budgets) expect(podLabels).toContainEqual(spec.selector.matchLabels)
    for (const { spec } of scalers)
      expect(deployments.map(({ metadata }) => metadata.name)).toContain(spec.scaleTargetRef.name)
  })

  test('set what there is to set, and no secret', () => {
    expect([...defaults.keys()]).toEqual(expect.arrayContaining(Object.keys(config?.data ?? {})))
    expect(Object.keys(config?.data ?? {})).not.toContain('DATABASE_URL')
    expect(JSON.stringify(documents)).not.toMatch(/:\/\//)
  })
})

const service = z.object({
  image: z.string(),
  command: z.union([z.string(), z.array(z.string())]).optional(),
  read_only: z.boolean().optional(),
  stop_grace_period: z.string().optional(),
  environment: labels.optional(),
  ports: z.array(z.string()).optional(),
  profiles: z.array(z.string()).optional(),
})

describe('the composition', () => {
  const text = readFileSync(join(project, 'docker-compose.yml'), 'utf8')
  const { services } = z.object({ services: z.record(z.string(), service) }).parse(parse(text, { merge: true }))
  const own = Object.values(services).filter(({ image }) => image.startsWith('taskfold:'))

  test('runs every role and the migrations, with time to drain', () => {
    const words = own.map(({ command = [] }) => [command].flat().join(' '))
    expect(new Set(words)).toEqual(new Set(['api', 'maintenance', 'migrate', 'worker']))
    for (const { read_only: readOnly, stop_grace_period: grace = '' } of own) {
      expect(readOnly).toBe(true)
      expect(Number.parseInt(grace, 10)).toBeGreaterThan(drainSeconds + afterDrainSeconds)
    }
  })

  test('has no password, and is reached from this host only', () => {
    const passwords = text.match(/PASSWORD: .*/g) ?? []
    expect(passwords).toHaveLength(3)
    for (const line of passwords) expect(line).toMatch(/\$\{\w+:\?.+\}$/)
    for (const { ports = [] } of Object.values(services))
      for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/)
  })

  test('lets nobody into Redis without a password, which its own probe has, too', () => {
    const { command = [], environment = {} } = services['redis'] ?? {}
    const words = [command].flat()
    const password = words[words.indexOf('--requirepass') + 1]
    expect(password).toMatch(/^\$\{REDIS_PASSWORD:-\$\{POSTGRES_PASSWORD:\?.+\}\}$/)
    expect(environment['REDISCLI_AUTH']).toBe(password)
    for (const each of own) expect(each.environment?.['REDIS_PASSWORD']).toBe(password)
    expect(words).not.toContain('--protected-mode')
  })

  test('mounts files that exist', () => {
    const mounted = [...text.matchAll(/(\.\/deploy\/[^:]+):/g)].map(([, path = '']) => path)
    expect(mounted.length).toBeGreaterThan(4)
    for (const path of mounted) expect(statSync(join(project, path)).isFile(), path).toBe(true)
  })

  describe('the profile observability', () => {
    const readDeployed = (path: string): unknown => parse(readFileSync(join(project, 'deploy', path), 'utf8'))
    const names = z.array(z.string())

    test('sends to, reads from and scrapes services that the composition has', () => {
      const files = ['compose/collector.yaml', 'compose/grafana-datasources.yaml', 'compose/prometheus.yml']
      const written = files.map((path) => readFileSync(join(project, 'deploy', path), 'utf8')).join('\n')
      const addressed = [...written.matchAll(/(?:\/\/|endpoint: )([a-z]+):\d+/g)].map(([, name]) => name)
      const discovered = /names: \[([^\]]+)\]/.exec(written)?.[1]?.split(', ') ?? []
      expect(addressed).toHaveLength(3)
      expect(discovered).toHaveLength(3)
      expect(Object.keys(services)).toEqual(expect.arrayContaining([...addressed, ...discovered]))
    })

    test('has a collector whose pipelines are made of what it defines', () => {
      const collector = z
        .object({
          receivers: z.record(z.string(), z.unknown()),
          processors: z.record(z.string(), z.unknown()),
          exporters: z.record(z.string(), z.unknown()),
          service: z.object({
            pipelines: z.record(z.string(), z.object({ receivers: names, processors: names, exporters: names })),
          }),
        })
        .parse(readDeployed('compose/collector.yaml'))
      expect(Object.keys(collector.service.pipelines)).toEqual(['traces', 'metrics', 'logs'])
      for (const pipeline of Object.values(collector.service.pipelines)) {
        expect(Object.keys(collector.receivers)).toEqual(expect.arrayContaining(pipeline.receivers))
        expect(Object.keys(collector.processors)).toEqual(expect.arrayContaining(pipeline.processors))
        expect(Object.keys(collector.exporters)).toEqual(expect.arrayContaining(pipeline.exporters))
      }
    })

    test('has a dashboard that lies where it is looked for, and chooses among sources of data of a kind that there is', () => {
      const { datasources } = z
        .object({ datasources: z.array(z.object({ type: z.string() })) })
        .parse(readDeployed('compose/grafana-datasources.yaml'))
      const dashboard = readFileSync(join(project, 'deploy/grafana/taskfold.json'), 'utf8')
      const { templating } = z
        .object({ templating: z.object({ list: z.array(z.object({ name: z.string(), query: z.string() })) }) })
        .parse(JSON.parse(dashboard))
      expect(templating.list.map(({ name }) => name)).toEqual(['datasource'])
      expect(datasources.map(({ type }) => type)).toContain(templating.list[0]?.query)
      expect(new Set(dashboard.match(/"uid": "\$[^"]+"/g))).toEqual(new Set(['"uid": "${datasource}"']))
      const { providers } = z
        .object({ providers: z.array(z.object({ options: z.object({ path: z.string() }) })) })
        .parse(readDeployed('compose/grafana-dashboards.yaml'))
      expect(text).toContain(`./deploy/grafana/taskfold.json:${providers[0]?.options.path}/taskfold.json:ro`)
    })
  })

  test('sets only what the product, the driver and OpenTelemetry read', () => {
    const known = [...defaults.keys(), 'PGPASSWORD', 'OTEL_EXPORTER_OTLP_ENDPOINT']
    for (const { environment = {} } of own) expect(known).toEqual(expect.arrayContaining(Object.keys(environment)))
  })
})
