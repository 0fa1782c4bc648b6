import { defineTask, type EffectFinding, EffectNotDone } from 'taskfold'

/** What the compiler must accept and refuse where effects are performed; see define-task.ts for how this is a test. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const accept = <T extends true>(): T | undefined => undefined

declare const findCharge: (key: string) => Promise<EffectFinding<{ id: string }>>

export const order = defineTask({
  type: 'order',
  run: async (_payload, { effect }) => {
    const mail = await effect('mail', { mode: 'idempotent', input: new Map([['to', 'ada']]) }, ({ key }) => key)
    accept<Same<typeof mail, string>>()

    const verify = ({ key }: { readonly key: string }) => findCharge(key)
    const charge = await effect('charge', { mode: 'verify', verify }, async () => ({ id: 'charge-1' }))
    accept<Same<typeof charge, { id: string }>>()

    const sent = await effect('send', { mode: 'once' }, ({ signal }) => {
      if (signal.aborted) throw new EffectNotDone('nothing was sent')
      return 1
    })
    accept<Same<typeof sent, number>>()

    const rows = await effect(
      'row',
      { mode: 'tx' },
      async ({ query, key }) => (await query('select $1', [key])).rowCount,
    )
    accept<Same<typeof rows, number>>()

    // @ts-expect-error its work has no transaction
    await effect('mail', { mode: 'idempotent' }, ({ query }) => query)
    // @ts-expect-error the mode is missing
    await effect('mail', {}, () => 1)
    // @ts-expect-error there is no such mode
    await effect('mail', { mode: 'twice' }, () => 1)
    // @ts-expect-error nobody can be asked
    await effect('charge', { mode: 'verify' }, () => 1)
    // @ts-expect-error it is asked for no other result than the work has
    await effect('charge', { mode: 'verify', verify }, () => 1)
    // @ts-expect-error there is nothing to verify
    await effect('send', { mode: 'once', verify }, () => 1)
  },
})
