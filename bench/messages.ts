import { z } from 'zod'

const setup = z.object({ postgresUrl: z.string(), redisUrl: z.string(), aim: z.enum(['throughput', 'latency']) })

/** What the run asks of a submitter or of a worker; each is answered once. */
export const commandSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('warm-up'), setup }),
  z.object({ kind: z.literal('open'), setup }),
  /** To a worker: lets it run tasks. */
  z.object({ kind: z.literal('start') }),
  /** To a submitter. It stops at `tasksMax` or after `limitMs`, whichever comes first; the answer counts what it did. */
  z.object({
    kind: z.literal('submit'),
    how: z.enum(['single', 'bulk', 'paced']),
    tasksMax: z.number(),
    limitMs: z.number(),
  }),
  /** The process exits after its answer, which has the latencies of a worker whose aim was latency. */
  z.object({ kind: z.literal('close') }),
])

export type Command = z.infer<typeof commandSchema>

export const replySchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('answer'), tasks: z.number(), latenciesMs: z.array(z.number()) }),
  z.object({ kind: z.literal('failure'), message: z.string() }),
  /** From a worker, unasked: how many handlers have begun so far. */
  z.object({ kind: z.literal('progress'), begun: z.number() }),
])

export type Reply = z.infer<typeof replySchema>
export type Answer = Extract<Reply, { readonly kind: 'answer' }>
