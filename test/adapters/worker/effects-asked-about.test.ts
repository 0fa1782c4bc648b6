import { describe, expect, it } from 'vitest'
import { type EffectFinding, EffectNotDone, type VerifyOptions } from '#application/ports/ledger/handler-effects.ts'
import { handleTask } from './support/handle-task.ts'

const inDoubt = { status: 'FAILED', detail: 'effect-in-doubt' } as const

describe('an effect whose receiver can be asked', () => {
  /** Its first work ends without an answer. */
  const asking = async (verify: (attempt: number) => EffectFinding<string>) => {
    const course: string[] = []
    const keys = new Set<string>()
    const task = await handleTask(({ attempt, effect }) => {
      const options: VerifyOptions<string> = {
        mode: 'verify',
        verify: ({ key }) => {
          keys.add(key)
          course.push(`asked in ${attempt}`)
          return verify(attempt)
        },
      }
      return effect('send', options, ({ key }) => {
        keys.add(key)
        course.push(`sent in ${attempt}`)
        if (attempt === 1) throw new Error('no answer')
        return `sent in ${attempt}`
      })
    })
    await task.world.advance(10_000)
    expect(keys.size).toBe(1)
    return { ...task, course }
  }

  it('is not done again when it has been done', async () => {
    const { load, course, effects } = await asking(() => ({ outcome: 'done', result: 'found' }))
    expect(await load()).toMatchObject({ status: 'SUCCESS', result: '"found"', facts: { attempt: 2 } })
    expect(course).toEqual(['sent in 1', 'asked in 2'])
    expect(await effects()).toMatchObject([{ mode: 'verify', state: 'completed', result: '"found"' }])
  })

  it('is done again when it has not been done', async () => {
    const { load, course } = await asking(() => ({ outcome: 'not-done' }))
    expect(await load()).toMatchObject({ status: 'SUCCESS', result: '"sent in 2"' })
    expect(course).toEqual(['sent in 1', 'asked in 2', 'sent in 2'])
  })

  it('is in doubt when the receiver does not know, and is asked about again once a person has opened the task', async () => {
    const task = await asking((attempt) =>
      attempt === 2 ? { outcome: 'unknown' } : { outcome: 'done', result: 'found' },
    )
    expect(await task.load()).toMatchObject({ ...inDoubt, facts: { attempt: 2 } })
    expect(await task.effects()).toMatchObject([{ state: 'in-doubt' }])
    await task.retry()
    await task.world.advance(1_000)
    expect(await task.load()).toMatchObject({ status: 'SUCCESS', result: '"found"' })
    expect(task.course).toEqual(['sent in 1', 'asked in 2', 'asked in 3'])
  })

  it('is asked about by every attempt until there is an answer', async () => {
    const { load, course } = await asking((attempt) => {
      if (attempt === 2) throw new Error('away')
      return { outcome: 'done', result: 'found' }
    })
    expect(await load()).toMatchObject({ status: 'SUCCESS', result: '"found"', facts: { attempt: 3 } })
    expect(course).toEqual(['sent in 1', 'asked in 2', 'asked in 3'])
  })

  it('is asked about when the same attempt comes to it again, unless its work said that nothing was done', async () => {
    const course: string[] = []
    const task = await handleTask(async ({ effect }) => {
      const verify = () => {
        course.push('asked')
        return { outcome: 'not-done' } as const
      }
      const send = (thrown: Error | undefined) =>
        effect('send', { mode: 'verify', verify }, () => {
          course.push('sent')
          if (thrown !== undefined) throw thrown
          return 'done'
        })
      await send(new EffectNotDone('busy')).catch(() => {})
      await send(new Error('no answer')).catch(() => {})
      return send(undefined)
    })
    await task.world.advance(1_000)
    expect(await task.load()).toMatchObject({ status: 'SUCCESS', result: '"done"' })
    expect(course).toEqual(['sent', 'sent', 'asked', 'sent'])
  })

  it.each([
    ['has nobody to ask', { mode: 'verify' }],
    ['has no function to ask with', { mode: 'once', reconcile: 'later' }],
    ['has a mode that does not exist', { mode: 'twice' }],
    ['has no mode', undefined],
  ])('is refused when it %s', async (_, options) => {
    const task = await handleTask(({ effect }) =>
      Promise.resolve(Reflect.apply(effect, undefined, ['send', options, () => 1])),
    )
    await task.world.advance(500)
    expect((await task.failure())?.error.name).toBe('TypeError')
    expect(await task.effects()).toEqual([])
  })

  it('is left as it is by an answer that is none', async () => {
    const task = await asking(() => JSON.parse('{"outcome":"perhaps"}'))
    expect((await task.failure())?.error.name).toBe('TypeError')
    expect(await task.effects()).toMatchObject([{ state: 'started' }])
  })
})
