/** Files that take longer than ten seconds on an idle machine with two cores, the longest first. Not every change needs a new one. */
export const slowFiles: readonly string[] = ['test/faults/campaign.test.ts']
