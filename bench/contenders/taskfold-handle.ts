/** What the handler of the task does: set by whoever opens a worker in this process. */
export const handle: { run: (payload: unknown) => Promise<void> } = { run: () => Promise.resolve() }
