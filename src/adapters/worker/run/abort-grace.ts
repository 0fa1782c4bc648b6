/** How long a handler may go on after its signal aborted, before it is given up on. */
export const abortGraceMs = 10_000
