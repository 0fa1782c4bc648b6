import { systemTimers } from '#adapters/system/timers.ts'
import { serveIsolatedRun } from '#adapters/worker/isolation/serve-isolated-run.ts'
import { EffectNotDone, EffectQueryError } from '#application/ports/ledger/handler-effects.ts'
import type { HandlerContext } from '#application/ports/task-handler.ts'
import { insertNote } from '../../../../support/memory-notes.ts'

type Effect = HandlerContext['effect']

const name = (error: unknown): string => (error instanceof Error ? error.name : String(error))

/** What an isolated handler does, by its payload; answers what it saw. */
const courses: Readonly<Record<string, (effect: Effect) => Promise<unknown>>> = {
  transacts: (effect) =>
    effect('write', { mode: 'tx', input: new Map([[1n, Number.NaN]]) }, async ({ query, key }) => {
      const { rowCount } = await query(insertNote, ['a'])
      return { rowCount, keyLength: key.length }
    }),
  rollsBack: async (effect) => {
    const thrown = await effect('write', { mode: 'tx' }, async ({ query }) => {
      await query(insertNote, ['a'])
      throw new RangeError('no')
    }).catch(name)
    const refused = await effect('write', { mode: 'tx' }, async ({ query }) => {
      await query(insertNote, ['a'])
      await query(insertNote, ['a'])
    }).catch((error: unknown) => (error instanceof EffectQueryError ? error.code : name(error)))
    const uncloned = await effect('write', { mode: 'tx' }, ({ query }) => query(insertNote, [() => 1])).catch(String)
    return [thrown, refused, uncloned]
  },
  dies: (effect) =>
    effect('write', { mode: 'tx' }, async ({ query }) => {
      await query(insertNote, ['a'])
      process.kill(process.pid, 'SIGKILL')
      return new Promise(() => {})
    }),
  hangs: (effect) =>
    effect('write', { mode: 'tx' }, async ({ query }) => {
      await query(insertNote, ['a'])
      return new Promise(() => {})
    }),
  doubts: async (effect) => {
    const busy = await effect('send', { mode: 'once' }, () => {
      throw new EffectNotDone('busy')
    }).catch(name)
    const lost = await effect('send', { mode: 'once' }, () => {
      throw new RangeError('no answer')
    }).catch(name)
    return [busy, lost]
  },
}

const run = async (payload: unknown, { effect }: HandlerContext): Promise<unknown> => courses[String(payload)]?.(effect)

serveIsolatedRun({
  timers: systemTimers,
  random: Math.random,
  openHandlers: async () => ({
    handlers: new Map([['work', { type: 'work', defaults: {}, run }]]),
    close: async () => {},
  }),
})
