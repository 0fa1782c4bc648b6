import type { EffectClaim, HeldEffect } from '#application/ports/ledger/idempotency-ledger.ts'
import type { AppendId, Incarnation, Run } from '#domain/identifiers.ts'
import type { DeclareLost, Fail, Release, Start, Succeed } from '#domain/task/commands.ts'
import type { Task } from '#domain/task/state.ts'
import { mintIncarnation } from './ids.ts'

/** A claim that comes the moment the task is due. */
export const start = (task: Task, incarnation: Incarnation = mintIncarnation()): Start => ({
  type: 'Start',
  incarnation,
  now: task.times.readyAt,
})

/** Commands of the run in force. Each throws when the task is not running. */
export const succeed = (task: Task, result = 'null'): Succeed => ({ type: 'Succeed', run: runOf(task), result })

export const fail = (task: Task, differences: Partial<Fail> = {}): Fail => ({
  type: 'Fail',
  run: runOf(task),
  cause: 'handler-error',
  error: { name: 'Error', message: 'the receiver said no' },
  ending: 'thrown',
  random: 0,
  ...differences,
})

export const release = (task: Task): Release => ({ type: 'Release', run: runOf(task) })

export const declareLost = (task: Task): DeclareLost => {
  if (task.status !== 'PROCESSING') throw new Error(`task ${task.taskId} is ${task.status}`)
  return { type: 'DeclareLost', run: task.run, incarnation: task.incarnation, worker: 'silent' }
}

export const runOf = (task: Task): Run => {
  if (task.status !== 'PROCESSING') throw new Error(`task ${task.taskId} is ${task.status}`)
  return task.run
}

/** The append that began the run in force. Throws when none is. */
const claimOf = (task: Task): AppendId => {
  if (task.status !== 'PROCESSING') throw new Error(`a ${task.status} task has no claim`)
  return task.claim
}

/** The run in force as the holder of an effect. Throws when none is. */
export const holdEffect = (task: Task, name = 'send'): HeldEffect => ({
  taskId: task.taskId,
  name,
  run: runOf(task),
  claim: claimOf(task),
})

/** The claim of an effect by the run in force. Throws when none is. */
export const claimEffect = (task: Task, differences: Partial<EffectClaim> = {}): EffectClaim => ({
  ...holdEffect(task),
  mode: 'idempotent',
  attempt: task.facts.attempt,
  input: undefined,
  unfinished: 'take-over',
  ...differences,
})
