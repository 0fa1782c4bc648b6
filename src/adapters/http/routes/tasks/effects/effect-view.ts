import { z } from 'zod'
import type { Effect, EffectSettled } from '#application/ports/ledger/idempotency-ledger.ts'
import type { JsonText } from '#domain/task/events.ts'
import { instantView, renderInstant } from '../../instant-view.ts'

export const effectView = z
  .strictObject({
    name: z.string(),
    mode: z.enum(['tx', 'idempotent', 'once', 'verify']),
    state: z.enum(['started', 'completed', 'in-doubt']).meta({
      description:
        '`started`: under way, to be tried again, or known not to have happened. `in-doubt`: nobody knows whether it happened.',
    }),
    attempt: z.int().meta({ description: 'The attempt that claimed it last.' }),
    result: z.unknown().meta({ description: 'Null until it is completed.' }),
    startedAt: instantView,
    completedAt: instantView.nullable(),
    settled: z
      .strictObject({ at: instantView, by: z.string().nullable(), reason: z.string().nullable() })
      .nullable()
      .meta({ description: 'Who settled it last when it was in doubt; null when nobody did.' }),
  })
  .meta({ id: 'Effect' })

export const effectExample = {
  name: 'charge',
  mode: 'once',
  state: 'completed',
  attempt: 1,
  result: { charge: 'ch_1' },
  startedAt: '2026-01-01T00:00:00.000Z',
  completedAt: '2026-01-01T08:00:00.000Z',
  settled: { at: '2026-01-01T08:00:00.000Z', by: 'Ada', reason: 'the bank shows it' },
}

/** The result is spliced in as it was stored. */
export const renderEffect = (effect: Effect): JsonText => {
  const { name, mode, state, attempt, result = 'null', startedAt, completedAt, settled } = effect
  return (
    `${JSON.stringify({ name, mode, state, attempt }).slice(0, -1)},"result":${result},` +
    `"startedAt":${renderInstant(startedAt)},"completedAt":${renderInstant(completedAt)},` +
    `"settled":${renderSettled(settled)}}`
  )
}

const renderSettled = (settled: EffectSettled | undefined): JsonText => {
  if (settled === undefined) return 'null'
  const { at, by = null, reason = null } = settled
  return `{"at":${renderInstant(at)},"by":${JSON.stringify(by)},"reason":${JSON.stringify(reason)}}`
}
