/** Whether there is a container runtime. Costs 0.4 s, of which all but 10 ms is the import. */
export const hasContainerRuntime = async (): Promise<boolean> => {
  const { getContainerRuntimeClient } = await import('testcontainers')
  return getContainerRuntimeClient().then(
    () => true,
    () => false,
  )
}

/**
 * For a container that does not start although there is a runtime, such as one that reaches no registry: says so, and answers
 * undefined, so that the next source of servers is taken.
 */
export const tellNoContainer =
  (image: string) =>
  (error: unknown): undefined => {
    const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
    process.stderr.write(
      `NO CONTAINER OF ${image}, though there is a container runtime (${why}): the next source is taken.\n`,
    )
  }
