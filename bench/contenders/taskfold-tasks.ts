import { defineTask } from '../../src/adapters/handlers/define-task.ts'
import { handle } from './taskfold-handle.ts'

export const taskType = 'bench'

/** What HANDLERS of the benchmark's workers names. */
export const bench = defineTask({ type: taskType, run: (payload) => handle.run(payload) })
