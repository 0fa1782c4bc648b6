import { z } from 'zod'
import type { SettleOutcome } from '#application/commands/settle-effect.ts'
import { effectResultBytesMax, type Settlement } from '#application/ports/ledger/idempotency-ledger.ts'
import type { TaskOperations } from '#application/task-operations.ts'
import { createEndpoint, type Endpoint, type HttpAnswer, noQuery } from '../../../endpoint.ts'
import { ProblemError, storeRefusals } from '../../../problems/problems.ts'
import { contextHeaders, reasonCharactersMax, toContext } from '../../../request/request-headers.ts'
import { always, json, text } from '../../../request/value-schemas.ts'
import { taskNotFound, toTaskId } from '../task-id.ts'
import { effectExample, effectView, renderEffect } from './effect-view.ts'

const outcomes = ['completed', 'not-done'] as const

const settlementInput = z
  .strictObject({
    outcome: z.enum(outcomes).meta({
      description: '`completed`: it has happened. `not-done`: it has not, and the next attempt begins it anew.',
    }),
    result: json.exactOptional().meta({
      description: `What later attempts get for it, at most ${effectResultBytesMax} bytes; only with \`completed\`, null without.`,
    }),
    reason: text(1, reasonCharactersMax)
      .exactOptional()
      .meta({ description: 'How you know; recorded with the effect.' }),
  })
  .refine(isGivenWithCompleted, {
    path: ['result'],
    error: 'must be left out unless outcome is completed',
    when: always,
  })
  .refine(fits, { path: ['result'], error: `must weigh at most ${effectResultBytesMax} bytes`, when: always })

/** `POST /api/tasks/{id}/effects/{name}/settle`: a person says what became of an effect in doubt. */
export const createSettleEffectEndpoint = (operations: TaskOperations): Endpoint =>
  createEndpoint({
    method: 'POST',
    path: '/api/tasks/{id}/effects/{name}/settle',
    operationId: 'settleTaskEffect',
    summary: 'Say what became of an effect in doubt',
    description:
      'The task stays as it is: retry it afterwards. A completed effect gives its result to later attempts, one that was not done is begun anew by the next.',
    query: noQuery,
    body: {
      schema: settlementInput,
      presence: 'required',
      example: { outcome: 'completed', result: { charge: 'ch_1' }, reason: 'the bank shows it' },
    },
    requestHeaders: contextHeaders,
    answers: { 200: { description: 'The effect as it is now.', schema: effectView, example: effectExample } },
    refusals: [
      'malformed-json',
      'invalid-header',
      'task-not-found',
      'effect-not-found',
      'not-in-doubt',
      'payload-too-large',
      'validation-failed',
      ...storeRefusals,
    ],
    handle: async ({ params, body, headers }) => {
      const { actor: by, reason } = toContext(headers, body.reason)
      const taskId = toTaskId(params)
      const outcome = toOutcome(body.outcome, body.result)
      return toAnswer(await operations.settleEffect({ taskId, name: params['name'] ?? '', outcome, by, reason }))
    },
  })

const toOutcome = (kind: (typeof outcomes)[number], result: unknown = null): Settlement['outcome'] =>
  kind === 'completed' ? { kind, result: JSON.stringify(result) } : { kind }

const toAnswer = (settled: SettleOutcome): HttpAnswer => {
  switch (settled.kind) {
    case 'settled':
      return { status: 200, body: renderEffect(settled.effect) }
    case 'not-in-doubt':
      throw new ProblemError('not-in-doubt', `The effect is ${settled.effect.state}.`)
    case 'effect-not-found':
      throw new ProblemError('effect-not-found', 'The task has no effect of this name.')
    case 'task-not-found':
      throw taskNotFound()
  }
}

function isGivenWithCompleted(body: unknown): boolean {
  return (
    typeof body !== 'object' || body === null || !('result' in body) || Reflect.get(body, 'outcome') === 'completed'
  )
}

function fits(body: unknown): boolean {
  const result: unknown = Reflect.get(Object(body), 'result')
  return result === undefined || Buffer.byteLength(JSON.stringify(result)) <= effectResultBytesMax
}
