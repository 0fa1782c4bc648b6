import { defineTask } from 'taskfold'

/** A type that only the new release of a rolling deploy has. */
export const added = defineTask({ type: 'scenario.added', run: (payload) => payload })
