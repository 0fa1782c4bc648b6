import { defineConfig } from 'vitest/config'

/** The tests that Stryker asks about the domain: its own, which take a second. */
export default defineConfig({
  test: {
    include: ['test/domain/**/*.test.ts'],
    setupFiles: ['test/mutants/domain/fixed-seed.ts'],
    pool: 'threads',
    testTimeout: 30_000,
  },
})
